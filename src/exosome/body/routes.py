"""Ways into the body: where a dose is put, which nodes drain the place, and how it leaves it."""

from __future__ import annotations

from dataclasses import dataclass

from exosome.core.errors import InputError

NODES = {
    "mesenteric": ("liver", "spleen", "small_intestine", "large_intestine", "pancreas"),
    "limb": ("skin", "adipose", "muscle", "bone", "brain"),
    "chest": ("lung", "heart", "thymus"),
    "trunk": ("kidney", "other"),
}
"""Groups of lymph nodes and the organs that they drain."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way of giving: into blood, or into a depot that empties by itself.

    ``nodes`` drain the depot; ``deposits`` says that the dose is what reached the place, not
    what left the device; ``swallowed`` that mucus carries some of it to the gut. Where ``place``
    is told, the dose starts in that place of the body itself, which empties as it always does.
    """

    key: str
    name: str
    nodes: str = ""
    swallowed: bool = False
    deposits: bool = False
    place: str = ""

    @property
    def is_depot(self) -> bool:
        """Whether the dose starts in a depot with rates of its own."""
        return bool(self.nodes)

    @property
    def starts(self) -> str:
        """The place where the dose starts."""
        return self.place or ("depot" if self.is_depot else "plasma")


ROUTES = {
    one.key: one
    for one in (
        Route("iv", "intravenous"),
        Route("sc", "subcutaneous", "limb"),
        Route("im", "intramuscular", "limb"),
        Route("id", "intradermal", "limb"),
        Route("ip", "intraperitoneal", "chest"),
        Route("ia", "intra-articular", "limb"),
        Route("local", "local depot, such as a tumour or a wound", "limb"),
        Route("intratumoral", "intratumoral", place="tumour_i"),
        Route("inhaled", "inhaled", "chest", swallowed=True, deposits=True),
        Route("nasal", "intranasal", "limb", swallowed=True, deposits=True),
    )
}


def route(key: str, *, where: str) -> Route:
    """Return a route by its key.

    Raises
    ------
    InputError
        There is no such route.
    """
    if key not in ROUTES:
        raise InputError(f"{key!r} is no route", where=where, remedy=f"routes: {', '.join(ROUTES)}")
    return ROUTES[key]
