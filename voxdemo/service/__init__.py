"""The one way in: request → cache → line → join → file, as a stream of events."""
