"""Scenario, plan, run, result: four values and the functions between them."""
