"""Does it add up? Vesicle-carried messages and treatments, in sourced numbers."""

from __future__ import annotations

__version__ = "0.1.0"
