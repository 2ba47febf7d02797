"""A search for counterexamples: each inequality's margin driven down by gradients through `theory` itself.

`points` reads free variables as cases, `hunts` and `rates` write the inequalities with the toolkit's own
functions, `rounding` says how far below 0 floats may come, `descent` looks for the smallest margin from many
starts, `table` keeps the tightest cases in `tightest.json` and `tests/tightest.md`.
"""
