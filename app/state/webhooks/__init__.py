"""Messages to the receivers of apps: put by the step that ends a turn, and kept until they were delivered."""
