"""Each study at a small scale, and its kept results."""
