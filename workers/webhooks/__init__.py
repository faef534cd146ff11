"""Sends messages to the receivers of apps, as Standard Webhooks has it: https://www.standardwebhooks.com."""
