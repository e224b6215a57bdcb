"""What measurements say: tables of data, and how likely a prediction makes them."""
