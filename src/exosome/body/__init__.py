"""The body: whole-body kinetics of particles and proteins, from a dose to every organ."""
