"""`aomi sessions`: what is kept of whom, given out or removed."""
