"""What carries the studies and changes no number: which there are, sweeps that survive a crash, results files.

Nothing here is part of a fingerprint, so that a change makes no result stale.
"""
