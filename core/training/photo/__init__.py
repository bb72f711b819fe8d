"""Networks that read photos: the synthetic portraits that they learn from, and their recipes."""
