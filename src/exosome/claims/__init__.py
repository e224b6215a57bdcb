"""Claims about vesicles: what was said, what was studied, what the law asks."""
