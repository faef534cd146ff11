"""aomi-backend, the worker side: takes turns off the queue, calls models and tools, writes events."""
