"""The `aomi` command, a module a subcommand."""
