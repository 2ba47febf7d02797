"""The PyTorch modules."""
