"""Cited numbers. Computes nothing but the arithmetic of derived records."""
