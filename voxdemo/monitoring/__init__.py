"""What is measured of the server, and what is remembered of it."""
