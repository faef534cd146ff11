"""From the body of a message to the request for a turn."""
