"""Between cells: where they stand, how far a vesicle gets, and who takes it up."""
