"""Constants of nature and exact unit factors."""

from __future__ import annotations

AVOGADRO_PER_MOL = 6.02214076e23
"""Exact since the 2019 revision of the SI."""
