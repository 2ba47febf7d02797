"""Seven derivations: MyST sources NAME.md with their executed copies NAME.ipynb beside them."""
