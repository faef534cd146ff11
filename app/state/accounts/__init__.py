"""Keys, rates, saved secrets, and the ledger of usage."""
