"""What this process counts, and the reporter that adds it up in Redis."""
