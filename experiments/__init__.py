"""Experiments in torch: one file, one `run(settings) -> xarray.Dataset` each.

Run from a checkout, `python -m experiments`: data ← training ← studies, and the engine that carries them.
"""
