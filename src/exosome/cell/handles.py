"""What a laboratory turns on a donor cell, and which rate of the pathway each handle multiplies."""

from __future__ import annotations

from dataclasses import dataclass

from exosome.core.errors import InputError

TEMPERATURE_C = 37.0
"""Temperature at which the catalog's rates hold."""
_COLDEST_C, _WARMEST_C = 20.0, 42.0
TRAFFIC = (
    "endosome",
    "maturation",
    "budding_escrt",
    "budding_ceramide",
    "back_fusion",
    "mvb_fusion",
    "mvb_lysosome",
    "ectosome",
)
"""Every rate of the pathway: all are membrane traffic, and all follow the temperature."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A treatment: its name in files and in words, and the rates that it multiplies."""

    key: str
    name: str
    rates: tuple[str, ...]

    @property
    def roles(self) -> tuple[tuple[str, str], ...]:
        """Rate, and the catalog role of its factor."""
        return tuple((rate, f"handle.{self.key}.{rate}") for rate in self.rates)


HANDLES = {
    one.key: one
    for one in (
        Handle("rab27_loss", "loss of Rab27", ("mvb_fusion",)),
        Handle("nsmase_block", "block of neutral sphingomyelinase", ("budding_ceramide",)),
        Handle("escrt_loss", "loss of ESCRT", ("budding_escrt",)),
        Handle("vatpase_block", "block of the V-ATPase", ("mvb_lysosome", "back_fusion")),
        Handle("calcium_rise", "rise of calcium", ("mvb_fusion", "ectosome")),
        Handle("serum_starvation", "serum starvation", ("mvb_fusion",)),
    )
}


def handle(key: str, *, where: str) -> Handle:
    """Return a handle by its key.

    Raises
    ------
    InputError
        There is no such handle.
    """
    if key not in HANDLES:
        raise InputError(
            f"{key!r} is no handle", where=where, remedy=f"handles: {', '.join(HANDLES)}"
        )
    return HANDLES[key]


def temperature_factor(temperature_c: float, q10: float, *, where: str) -> float:
    """Return the factor on every rate of traffic at a temperature.

    ``q10 ** ((T - 37) / 10)``, between 20 and 42 degrees Celsius: below, traffic stops rather
    than slows, and above, cells die.

    Raises
    ------
    InputError
        The temperature lies outside this range.
    """
    if not _COLDEST_C <= temperature_c <= _WARMEST_C:
        raise InputError(
            f"{temperature_c:g} degrees Celsius is outside the range of the Q10 law",
            where=where,
            remedy=f"give {_COLDEST_C:g} to {_WARMEST_C:g}; colder, traffic stops",
        )
    return q10 ** ((temperature_c - TEMPERATURE_C) / 10.0)
