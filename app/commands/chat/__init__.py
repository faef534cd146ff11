"""`aomi chat`: a client of the public HTTP API in the terminal. It uses nothing else of the backend."""
