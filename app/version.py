"""The version of the backend, read by the package, the document and traces."""

__version__ = "0.1.0"
