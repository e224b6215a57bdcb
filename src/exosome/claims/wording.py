"""Verdicts and margins in words: exact, short, and never more than was found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exosome.delivery.question import Luminal, SolubleCoisolate, SurfaceEnzyme, SurfaceLigand

if TYPE_CHECKING:
    from exosome.delivery.extremes import Extreme
    from exosome.delivery.question import Mechanism
    from exosome.delivery.verdict import Margins, Verdict

VERDICT_WORDS: dict[Verdict, str] = {
    "impossible": (
        "even if nothing given were lost on the way and all of it acted, with the most cargo and "
        "the least need considered"
    ),
    "not reached within sourced bounds": (
        "with every input at the most favourable value considered"
    ),
    "implausible": "at most 5 of 100 draws of what is not known suffice",
    "plausible": "that does not make it true",
    "undecided": "what is not known is larger than the answer",
}

CAUTION = (
    "A verdict is about one mechanism at this dose. Refuting a mechanism does not refute the "
    "effect, and a plausible mechanism is not thereby true."
)
DISCLAIMER = (
    "Not medical or legal advice. Computed from published numbers about vesicles, not from data "
    "of any person; it says nothing about clinical benefit."
)

_ACRONYMS = {
    "mirna": "miRNA",
    "sirna": "siRNA",
    "mrna": "mRNA",
    "cd73": "CD73",
    "cd24": "CD24",
    "pd": "PD",
    "pd1": "PD-1",
    "siglec10": "Siglec-10",
    "cas9": "Cas9",
    "rnp": "RNP",
    "tgf": "TGF",
    "amp": "AMP",
    "iv": "IV",
    "t": "T",
    "peg": "PEG",
    "cv": "CV",
    "gsd": "GSD",
    "kupffer": "Kupffer",
    "kd": "Kd",
    "msc": "MSC",
    "ug": "µg",
    "lnp": "LNP",
    "lsec": "LSEC",
}
_PHRASES = {
    "pd_l1": "PD-L1",
    "tgf_beta": "TGF-β",
    "in_vitro": "in a dish",
    "intra_articular": "intra-articular",
}


def plain(name: str) -> str:
    """Return a name of the files (``natural_mirna``) in the field's spelling.

    >>> plain("natural_mirna"), plain("pd_l1"), plain("t_cell")
    ('natural miRNA', 'PD-L1', 'T cell')
    """
    if name in _PHRASES:
        return _PHRASES[name]
    return " ".join(_ACRONYMS.get(word, word) for word in name.split("_"))


def parameter_name(role: str) -> str:
    """Return a parameter's name in words.

    >>> parameter_name("cell_count.kupffer_cell"), parameter_name("uptake_cv")
    ('cell count (Kupffer cell)', 'uptake CV')
    """
    stem, *words = role.split(".")
    named = ", ".join(plain(word) for word in words)
    return f"{plain(stem)} ({named})" if named else plain(stem)


def mechanism_name(mechanism: Mechanism) -> str:
    """Return what the mechanism is, in a few words."""
    match mechanism:
        case Luminal(kind=kind, cargo=cargo):
            sort = "RNA" if kind == "luminal_rna" else "protein"
            return f"Luminal {sort}: {plain(cargo)}"
        case SurfaceLigand(ligand=ligand, receptor=receptor):
            return f"Surface ligand: {plain(ligand)} on {plain(receptor)}"
        case SurfaceEnzyme(enzyme=enzyme, product=product, substrate=substrate):
            extra = ", AMP added" if substrate.endswith("amp_added") else ""
            return f"Surface enzyme: {plain(enzyme)} making {plain(product)}{extra}"
        case SolubleCoisolate(factor=factor):
            return f"Soluble co-isolate: {plain(factor)}"


def mechanism_note(mechanism: Mechanism) -> str:
    """Return what a reader of this mechanism must know, in one sentence."""
    match mechanism:
        case Luminal():
            return "Only what opens inside the cell counts; most vesicles hold no copy at all."
        case SurfaceLigand():
            return (
                "No uptake is needed. A vesicle engages only the receptors in its contact patch: "
                "a bulk dissociation constant does not apply."
            )
        case SurfaceEnzyme():
            return (
                "No uptake is needed. The vesicles must at least match the same enzyme on the "
                "resident cells. An enzyme that suffices on paper need not be what acts."
            )
        case SolubleCoisolate():
            return (
                "Not a vesicle effect. Only a process blank and a vesicle-depleted fraction can "
                "tell it from one; serum or platelet lysate, endotoxin and PEG come the same way."
            )


def fold(margin: float | None) -> str:
    """Return a margin in words: by what factor the dose falls short or exceeds the need.

    >>> fold(-2.0), fold(0.5), fold(None)
    ('100 times too small', '3.2 times what is needed', 'nothing delivered')
    >>> fold(-7.88)
    '10^7.9 times too small'
    """
    if margin is None or margin == -math.inf:
        return "nothing delivered"
    size = abs(margin)
    times = f"{10**size:.2g}" if size < 3.0 else f"10^{size:.1f}"
    times = f"{float(times):g}" if size < 3.0 else times
    return f"{times} times too small" if margin < 0.0 else f"{times} times what is needed"


def interval(margins: Margins) -> str:
    """Return the 90 % interval of a margin in words; a direction both ends share is said once."""
    low, high = fold(margins.low), fold(margins.high)
    for ending in (" times too small", " times what is needed"):
        if low.endswith(ending) and high.endswith(ending):
            return f"{low.removesuffix(ending)} to {high}"
    return f"{low} to {high}"


def why(verdict: Verdict, margins: Margins, *, ceiling: Extreme, best_case: Extreme) -> str:
    """Return the reason for a verdict with its own figures, assumptions counted."""
    words = VERDICT_WORDS[verdict]
    if verdict in ("impossible", "not reached within sourced bounds"):
        case = ceiling if verdict == "impossible" else best_case
        assumed = sum(
            bound not in {"sourced bound", "conservation"} for bound in case.bounds.values()
        )
        counted = sum(bound != "conservation" for bound in case.bounds.values())
        return (
            f"{fold(case.margin)} {words}; of the {counted} values of that case {assumed} are "
            "assumed ranges or edges of a fitted spread"
        )
    share = 100.0 * margins.enough
    shown = "fewer than 0.01" if 0.0 < share < 0.01 else f"{share:.3g}"
    reason = f"{shown} of 100 draws of what is not known suffice"
    return reason if verdict == "implausible" else f"{reason}; {words}"


def sentence(name: str, verdict: Verdict, margins: Margins) -> str:
    """Return the answer for one mechanism in one sentence with its interval."""
    if margins.median is None:
        share = f"{100.0 * margins.nothing:.3g}"
        return f"{name}: {verdict}. Nothing is delivered in {share} of 100 draws."
    return f"{name}: {verdict}. The dose is {fold(margins.median)} (90 %: {interval(margins)})."


NO_EFFECT = (
    "Undecided: the claim defines no effect. Nothing can be too little or enough until it says "
    "what must change, in which cells and by how much (add an [effect] and a need)."
)
