"""`aomi chat`: the public HTTP API in a terminal, and nothing else of the backend."""
