"""The report on a run, on fates made on purpose."""
