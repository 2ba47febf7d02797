"""What runs and keeps studies: the list of them, chunks that survive being cut off, results as files."""
