"""Other clients' words for the calls of the API, a room a dialect."""
