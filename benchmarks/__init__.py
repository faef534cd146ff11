"""The benchmark: `make bench`. README.md says what is measured, how, and how to read it."""
