"""The wires: how each provider's stream says text, thoughts, calls, its end and its errors. Nobody behind it knows."""
