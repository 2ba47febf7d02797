"""The training loop against runs written out one by one."""
