"""Tools behind a turn: later steps, calls that sleep, requests to the client."""
