"""Sessions that clients reach by other ids than their own, or that live for one request."""
