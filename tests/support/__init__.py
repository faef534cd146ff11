"""Real neighbours for the tests: a Redis, a model provider, a price API, web and worker processes."""
