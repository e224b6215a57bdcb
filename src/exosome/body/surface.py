"""What covers a particle: opsonins of plasma, and antibodies that earlier doses have raised.

A particle is bare or opsonised. Opsonins bind and come off at rates of first order, alike in
plasma, interstitium and lymph, and phagocytes take a bare particle up more slowly than an opsonised
one. Clearances were measured of the mixture that blood holds, so the law splits them: with the
equilibrium share ``s`` and the ratio ``f`` of bare to opsonised uptake, an opsonised one is taken
up ``1 / (s + (1 - s) f)`` times as fast as the mixture. Fast exchange gives the mixture back
(tests). Which protein it is, and how many molecules, is inside the two rates.

Antibodies: particles that phagocytes of the spleen hold stimulate naive B cells; these ripen over
days in three steps, secrete for a while, and are spent. What they secrete opsonises what is given
later. Too many particles make B cells unresponsive instead (tolerance): at the level of tolerance
both happen alike. One law for IgM against PEG and for antibodies against another species' vesicles;
no memory, no class switch, no consumption by the second dose, no new naive cells for weeks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from exosome.numerics.network import Reaction, Species, reaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exosome.body.design import Design
    from exosome.body.kinds import Kind
    from exosome.body.physiology import Physiology

_RIPENING = ("primed_1", "primed_2", "primed_3", "secreting")
_ANTIBODY = (
    "body_rate.antibody_priming", "body_rate.antibody_ripening", "body_rate.antibody_retiring",
    "body_rate.antibody_decay", "body_rate.antibody_binding",
    "body_level.antibody_stimulus", "body_level.antibody_tolerance",
)  # fmt: skip


def roles_of_surface(kind: Kind, *, antibodies: bool) -> tuple[str, ...]:
    """Return the roles of what covers a particle."""
    exchange = (f"body_rate.opsonise.{kind.key}", "body_rate.opsonin_loss")
    bare = f"body_share.bare_uptake.{kind.key}"
    return (*exchange, bare, *(_ANTIBODY if antibodies else ()))


def opsonised_share(binding_per_h: float, loss_per_h: float) -> float:
    """Return the share of particles that carry opsonins at equilibrium; none if none bind."""
    return binding_per_h / (binding_per_h + loss_per_h) if binding_per_h > 0.0 else 0.0


def opsonised_over_mixture(share: float, bare: float) -> float:
    """Return how much faster phagocytes take an opsonised particle than the mixture.

    ``share`` is the opsonised part of the mixture and ``bare`` the uptake of a bare particle over
    that of an opsonised one.
    """
    return 1.0 / (share + (1.0 - share) * bare)


def exchange(design: Design) -> list[Reaction]:
    """Return binding and loss of opsonins wherever there is fluid of the body; not in a depot."""
    places = [place for place in design.places if place != "depot"]
    steps: list[Reaction] = []
    for place in places:
        for bare, covered in ("ac", "bd"):
            for k in range(design.sizes):
                here, there = f"{place}_{bare}{k}", f"{place}_{covered}{k}"
                steps.append(
                    reaction(f"coat_{here}", f"{here} -> {there}", rate=f"coating * {here}")
                )
                steps.append(reaction(f"strip_{there}", f"{there} -> {here}", constant="strip"))
    return steps


def coating_rule(design: Design) -> str:
    """Return the rate at which opsonins bind, antibodies included."""
    raised = " + antibody_binding * antibody / b_cells" if design.antibodies else ""
    return f"opsonise{raised}"


STIMULUS = "n_red_pulp / (n_red_pulp + stimulus_half)"


def b_cells() -> tuple[list[Species], list[Reaction]]:
    """Return B cells and their antibody.

    Cells are counted in parts of ``b_cells``, the number that the first dose has of particles: a
    network has one absolute tolerance, and what is small against the dose would go unseen. The
    antibody is 1 (times ``b_cells``) when all cells secrete for long.
    """
    species = [Species("naive", "b_cells"), *(Species(name) for name in _RIPENING)]
    species += [Species("spent"), Species("antibody")]
    steps = [
        reaction("prime", "naive -> primed_1", rate="priming * stimulus * naive"),
        reaction("tolerate", "naive -> spent", rate="priming * n_red_pulp / tolerated * naive"),
    ]
    steps += [
        reaction(f"ripen_{there}", f"{here} -> {there}", constant="ripening")
        for here, there in pairwise(_RIPENING)
    ]
    return species, [
        *steps,
        reaction("retire", "secreting -> spent", constant="retiring"),
        reaction("secrete_antibody", "-> antibody", rate="antibody_decay * secreting"),
        reaction("lose_antibody", "antibody ->", constant="antibody_decay"),
    ]


def surface_values(
    design: Design,
    held: Physiology,
    numbers: Mapping[str, float],
    change: Mapping[str, float],
    *,
    dose: float,
) -> dict[str, float]:
    """Return the parameters of `exchange` and `b_cells`."""
    binding = numbers[f"body_rate.opsonise.{design.kind.key}"] * change.get("opsonins", 1.0)
    values = {"opsonise": binding, "strip": numbers["body_rate.opsonin_loss"]}
    if design.antibodies:
        spleen = held.organs["spleen"].total_ml
        values |= {
            "b_cells": dose,
            "priming": numbers["body_rate.antibody_priming"],
            "ripening": numbers["body_rate.antibody_ripening"],
            "retiring": numbers["body_rate.antibody_retiring"],
            "antibody_decay": numbers["body_rate.antibody_decay"],
            "antibody_binding": numbers["body_rate.antibody_binding"]
            * change.get("antibodies", 1.0),
            "stimulus_half": numbers["body_level.antibody_stimulus"] * spleen,
            "tolerated": numbers["body_level.antibody_tolerance"] * spleen,
        }
    return values


def uptake_of_opsonised(design: Design, numbers: Mapping[str, float]) -> tuple[float, float]:
    """Return factors of phagocytosis: of opsonised over the mixture, of bare over opsonised."""
    share = opsonised_share(
        numbers[f"body_rate.opsonise.{design.kind.key}"], numbers["body_rate.opsonin_loss"]
    )
    bare = numbers[f"body_share.bare_uptake.{design.kind.key}"]
    return opsonised_over_mixture(share, bare), bare
