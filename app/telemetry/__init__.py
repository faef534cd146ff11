"""Log lines, log context, redaction, traces."""
