"""Growth, collapse and the moving centre, against real gradient descent."""
