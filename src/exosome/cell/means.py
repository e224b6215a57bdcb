"""Mean fields of the cell models: what a cell does on average, and what the average loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exosome.numerics.network import Network, Parameter, Species, reaction

if TYPE_CHECKING:
    from exosome.cell.donor import Pathway

#: What is no longer in a mean field of each kind; printed where one is handed out.
LOST = {
    "donor means": (
        "Means over many cells. All rates are of first order, so the means are exact.",
        ("Lost: bursts (a body lets all its vesicles go at one moment; here they leave one by "
        "one at a mean rate); whole numbers, chance, and differences between cells; how many "
        "vesicles a body holds, hence the sizes of bursts and the share of empty bodies; how "
        "cargo is shared out among vesicles, hence packets and empty vesicles."),
        ("Drawn stochastically, this model would be wrong: its vesicles leave one by one. Export "
        "the classes for that."),
    ),
    "donor classes": (
        ("Mean numbers of bodies by the vesicles that they hold, M_0 to M_n; n is the most that "
        "a body takes up, so large that hardly any body gets there."),
        ("Kept: the mean distribution of vesicles over bodies. Lost: in a deterministic run, "
        "the moments of bursts, whole numbers, chance, and differences between cells; and "
        "how cargo is shared out among vesicles."),
        "A stochastic run of this file draws whole bursts.",
    ),
    "recipient": (
        ("Mean vesicles in each place of one cell. Sites and entry fill up, so the "
        "rate at the mean is not the mean rate: the course is right where counts are large."),
        ("Lost: whether a cell got any vesicle at all, whole numbers, chance, and differences "
        "between cells in uptake. Vesicles are followed, not their cargo: the copies let out "
            "are Opened times the mean of a vesicle; packets and empty vesicles are lost."),
    ),
}  # fmt: skip


def donor_means(pathway: Pathway) -> Network:
    """Return the mean field of a donor cell, started empty, bodies and vesicles summed up.

    Species: early endosomes ``E``, bodies ``MVB``, ``ILV`` in all bodies together, and the
    counters of `endosome.network`: ``Exo``, ``Lys``, ``Back``, ``Formed``, ``Bursts``,
    ``Ecto``. A body ends at a rate that does not depend on what it holds; so the vesicles in
    bodies that end are that rate times ``ILV`` in the mean, and nine equations are closed.
    Exact for means, with nothing cut off. Not a network to draw from: `LOST` says why.
    """
    p = pathway
    rates = {
        "k_form": p.endosome, "k_mature": p.maturation, "k_escrt": p.budding_escrt,
        "k_ceramide": p.budding_ceramide, "k_back": p.back_fusion, "k_fuse": p.mvb_fusion,
        "k_lysosome": p.mvb_lysosome, "k_ecto": p.ectosome,
    }  # fmt: skip
    steps = (
        ("form", "-> E", "k_form"),
        ("mature", "E -> MVB", "k_mature"),
        ("bud_escrt", "MVB -> MVB + ILV + Formed", "k_escrt"),
        ("bud_ceramide", "MVB -> MVB + ILV + Formed", "k_ceramide"),
        ("fuse_back", "ILV -> Back", "k_back"),
        ("end_at_membrane", "MVB -> Bursts", "k_fuse"),
        ("end_in_lysosome", "MVB ->", "k_lysosome"),
        ("secrete", "ILV -> Exo", "k_fuse"),
        ("digest", "ILV -> Lys", "k_lysosome"),
        ("shed", "-> Ecto", "k_ecto"),
    )
    names = ("E", "MVB", "ILV", "Exo", "Lys", "Back", "Formed", "Bursts", "Ecto")
    return Network(
        "donor means",
        tuple(Species(name) for name in names),
        tuple(reaction(name, equation, constant=rate) for name, equation, rate in steps),
        tuple(Parameter(name, float(rate)) for name, rate in rates.items()),
    )
