"""Drawings, looks and files of the gallery."""
