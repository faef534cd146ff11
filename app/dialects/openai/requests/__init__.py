"""From the bodies of requests to turns that run: their contents, their place, their parameters."""
