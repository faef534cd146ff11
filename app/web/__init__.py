"""The Flask floor: what every request passes, parsing, the caller, admission of a message, streams, serializers."""
