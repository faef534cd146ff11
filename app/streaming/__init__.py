"""Server-Sent Events: the wire format (`sse`) and the hub that brings events to open streams (`hub`)."""
