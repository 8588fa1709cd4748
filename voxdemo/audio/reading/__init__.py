"""Recordings that people send, read into samples: containers, damaged headers, several streams."""
