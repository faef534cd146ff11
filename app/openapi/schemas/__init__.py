"""The JSON of requests and responses, as types. They make /openapi.json."""
