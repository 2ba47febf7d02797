"""What a loss curve alone says of a run: where it rests, whether it swings, and what it cannot tell."""
