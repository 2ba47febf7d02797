"""The studies: one file, one `run(settings) -> xarray.Dataset` each; `make experiments` lists them."""
