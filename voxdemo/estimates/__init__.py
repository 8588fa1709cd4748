"""How long things take, learned from how long they took. Arithmetic, and one small file."""
