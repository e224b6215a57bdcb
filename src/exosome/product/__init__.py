"""The product: what is in the vial, how its dose is stated, what trials have given."""
