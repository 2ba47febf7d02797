"""Experiments in torch, run from a checkout: data ← training ← studies, and the engine that carries them."""
