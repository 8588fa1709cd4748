"""The line and its voices on Ray Serve. Nothing else imports Ray, and no server that people reach does."""
