"""The tools of MCP servers (Model Context Protocol, https://modelcontextprotocol.io).

`servers.McpServers` is the way in: the tools that an app gets for one turn. `connection` holds one session with one
server, over one of the two transports (`stdio`, `http`). Only this room knows the `mcp` SDK. Its import takes a second
of CPU, so `workers.process` imports this room only if an app names a server.
"""
