"""What `aomi check` looks at, in a process like a worker's: the settings, aomi.yaml, its tools and models."""
