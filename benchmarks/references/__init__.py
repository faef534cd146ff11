"""What the backend is measured beside: other ways to bring the same tokens, each a process of its own."""
