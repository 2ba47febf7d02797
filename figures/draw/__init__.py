"""The drawings: NAME.py has `draw(dataset) -> Figure` for figures/NAME.svg; it draws and computes nothing."""
