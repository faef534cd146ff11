"""From events and stored messages to what clients get: items, objects, events of a stream, chunks. Pure."""
