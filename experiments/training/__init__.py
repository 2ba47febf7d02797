"""Self-distillation of many small networks at once: models, the one loop, what is recorded."""
