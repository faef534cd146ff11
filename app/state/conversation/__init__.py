"""The threads of a session: messages, branches, summaries, and their forms for clients."""
