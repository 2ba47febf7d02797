"""Streams, moments and posteriors against their definitions."""
