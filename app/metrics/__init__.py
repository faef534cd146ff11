"""The metrics of this process, and the reporter that adds them up in Redis."""
