"""Kinds of particles, and how each differs from a vesicle where numbers say so."""

from __future__ import annotations

from dataclasses import dataclass

from exosome.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of particle.

    ``is_degradable`` tells those that cells can take apart, ``bears_peg`` those against which a
    first dose is known to raise antibodies.
    """

    key: str
    name: str
    is_degradable: bool = True
    bears_peg: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """Factors on phagocytosis, scavenging and entry into hepatocytes, against a vesicle."""
        what = ("phagocyte", "scavenger", "hepatocyte", "other", "lysis")
        return tuple(f"body_fold.{one}.{self.key}" for one in what)


KINDS = {
    one.key: one
    for one in (
        Kind("vesicle", "vesicle"),
        Kind("liposome", "liposome"),
        Kind("peg_liposome", "PEG-liposome", bears_peg=True),
        Kind("peg_vesicle", "vesicle with PEG", bears_peg=True),
        Kind("lnp", "lipid nanoparticle", bears_peg=True),
        Kind("rigid", "rigid particle", is_degradable=False),
        Kind("peg_rigid", "rigid particle with PEG", is_degradable=False, bears_peg=True),
    )
}


def kind(key: str, *, where: str) -> Kind:
    """Return a kind by its key.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if key not in KINDS:
        raise InputError(
            f"{key!r} is no kind of particle", where=where, remedy=f"kinds: {', '.join(KINDS)}"
        )
    return KINDS[key]
