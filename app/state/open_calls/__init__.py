"""Calls of a turn that wait for a person: recorded when the turn ends, answered once, or closed when nobody answers."""
