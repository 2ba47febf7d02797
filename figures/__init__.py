"""The figures: NAME.py draws what the experiment of the same name measured."""
