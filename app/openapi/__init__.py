"""The OpenAPI document: declared beside each view, made from these declarations."""
