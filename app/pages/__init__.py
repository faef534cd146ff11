"""What people look at in a browser: the playground and the API documents."""
