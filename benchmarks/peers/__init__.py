"""Peers that take a heavy install, each in an environment of its own under .venv-peers (`make bench-peers`)."""
