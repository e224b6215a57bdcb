"""Constants of nature and exact unit factors."""

from __future__ import annotations

AVOGADRO_PER_MOL = 6.02214076e23
"""Exact since the 2019 revision of the SI."""

BOLTZMANN_J_PER_K = 1.380649e-23
"""Exact since the 2019 revision of the SI."""

STANDARD_GRAVITY_M_PER_S2 = 9.80665
"""By convention."""

KELVIN_AT_0_C = 273.15
"""Exact by definition of the Celsius scale."""
