"""Open streams of a web process: the hub shares one pub/sub connection, the relay joins log and live messages."""
