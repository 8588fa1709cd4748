"""What speaks: engines behind one protocol, and the registry of those that the settings can name."""
