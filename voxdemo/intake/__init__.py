"""What is asked for becomes a request and a plan, or a refusal. Knows no line and no model."""
