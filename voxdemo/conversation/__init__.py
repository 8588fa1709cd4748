"""What a language model says in a conversation: asked over HTTP, and cut into sentences while it writes."""
