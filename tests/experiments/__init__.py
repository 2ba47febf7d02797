"""Studies and what they are made of."""
