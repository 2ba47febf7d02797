"""What the texts say of results, computed again from `results/`: one module for each group of claims."""
