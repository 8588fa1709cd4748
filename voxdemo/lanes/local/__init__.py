"""The line of this process: seats with models, each model on a thread of its own."""
