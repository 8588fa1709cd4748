"""What every request passes first: access, limits, bodies, headers. Knows no model and no line."""
