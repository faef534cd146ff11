"""The caller of a request: keys, limits, places."""
