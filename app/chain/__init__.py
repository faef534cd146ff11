"""Blockchains, read through JSON-RPC nodes of the operator, to simulate transactions. Nothing here signs or sends.

`node` is a connection to a node with limits on time and size, `simulation` asks it, `reverts` explains a failure.
"""
