"""Open streams of a web process: the hub holds one pub/sub connection, the relay joins the log and what is live."""
