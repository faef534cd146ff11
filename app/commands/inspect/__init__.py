"""`aomi inspect`: what an operator wants to see of sessions, turns, queue and workers, out of Redis."""
