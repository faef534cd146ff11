"""The life of a turn: accepted, queued, ended; and the reaper of turns whose process died."""
