"""How figures and signs are read: data for each language."""
