"""Between cells: how far a vesicle gets, and what reaches a cell."""
