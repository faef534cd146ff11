"""The model edge: from stored messages to a provider's request, from its stream to a reply."""
