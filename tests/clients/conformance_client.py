"""The command that `@modelcontextprotocol/conformance` starts as its client: `python conformance_client.py OURS URL`.
It leaves the work to the test at the address OURS, which has loaded the SDK once for all scenarios."""

import json
import os
import sys
import urllib.request

ours, url = sys.argv[1:]
order = {"url": url, "context": os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}")}
with urllib.request.urlopen(ours, json.dumps(order).encode(), timeout=60) as answer:
    print(answer.read().decode())
