"""The events of the API as types, and their frames on the wire."""
