"""Streams to clients, and the sockets below them."""
