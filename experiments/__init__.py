"""Experiments in torch: one file, one `run(settings) -> xarray.Dataset` each."""
