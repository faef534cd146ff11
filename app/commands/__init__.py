"""The `aomi` command: one module per subcommand, and what the subcommands share (durations, output, the Redis store,
harmless terminal text)."""
