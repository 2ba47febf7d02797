"""Sweeps, results files and command lines, killed and fed wrong."""
