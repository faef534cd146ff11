"""Turns: their records, requests, leases, slots and logs."""
