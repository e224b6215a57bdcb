"""The space between cells: where cells stand, how vesicles move, and who takes them up."""
