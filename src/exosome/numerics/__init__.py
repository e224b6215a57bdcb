"""Solvers and kernels. Knows no biology."""
