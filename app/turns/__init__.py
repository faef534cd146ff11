"""The life of a turn: accepted, queued, ended; and the reaper of what a dead process left."""
