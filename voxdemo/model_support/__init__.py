"""Getting models and placing them: downloads, devices, and what their packages need to be imported."""
