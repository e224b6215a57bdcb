"""What one vesicle can hold, and what one cell needs."""
