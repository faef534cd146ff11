"""The state in Redis, and the only code that issues Redis commands. docs/redis.md is its contract."""
