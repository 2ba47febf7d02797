"""What runs and keeps studies: the list of them, chunks that survive being cut off, results as files.

Nothing here changes a number or is part of a fingerprint: a change makes no result stale.
"""
