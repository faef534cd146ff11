"""The Flask floor: the hooks that every request passes, parsing, the caller, admission of a message, streams and
serializers. It knows no resource, no page and no dialect."""
