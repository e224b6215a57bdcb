"""Check what the program computes against closed forms, published figures and simulation.

Run: python verify/verify.py            prints the table and exits 1 if a row fails
     python verify/verify.py --markdown prints it for docs/verification.md
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from exosome.catalog.load import load_catalog
from exosome.catalog.roles import role_named
from exosome.cell.cargo import mean_lumen_volume_nm3, mean_membrane_area_nm2
from exosome.cell.loading import Cargo, Independent, Packets
from exosome.cell.receiving import receive
from exosome.cell.recipient import Recipient, opened_by
from exosome.cell.response import copies_for_occupied_share, occupied_share
from exosome.claims.claim import bundled_claims, read_claim
from exosome.claims.controls import FOLD_ALLOWED, run_controls
from exosome.claims.evidence import upper_bound_of_zero_events
from exosome.core.random import Streams
from exosome.core.units import parse_dose
from exosome.delivery.dose import in_all_metrics
from exosome.numerics.compound import Fixed, Poisson, mean_reaching, survival
from exosome.numerics.compound_reference import simulate_totals
from exosome.numerics.sobol import sobol_indices
from exosome.study.plan import plan

SEED = 20_261_122
SAMPLES = 1_000_000


@dataclass(frozen=True)
class Check:
    """One row: ours against what is published or known, and what may differ."""

    quantity: str
    ours: float
    known: float
    allowed: str
    holds: bool
    source: str


def near(quantity: str, ours: float, known: float, share: float, source: str) -> Check:
    """Return a row that allows a relative difference."""
    holds = abs(ours - known) <= share * abs(known)
    return Check(quantity, ours, known, f"within {100 * share:g} %", holds, source)


def packets() -> list[Check]:
    """Return the packing figures and the tails against a million simulated cells."""
    arrivals, per_vesicle, needed = 5_000 * 0.3, 0.00825, 100.0
    packed = survival(arrivals * per_vesicle / 100.0, needed, Fixed(100.0), 0.0)
    loose = survival(arrivals, needed, Poisson(per_vesicle), 0.0)
    mean_field = math.log10(arrivals * per_vesicle / needed)
    rows = [
        near("cells responding, 100 copies packed together", float(packed), 0.116, 0.005, "issue"),
        Check(
            "cells responding, independent loading",
            float(loose),
            0.0,
            "< 1e-12",
            float(loose) < 1e-12,
            "issue",
        ),
        near("mean-field margin of both", mean_field, -0.91, 0.01, "issue"),
    ]
    rng = Streams(SEED).of("verify.packets")
    cases = [
        (Poisson(0.00825), 4_000.0, 30.0, 0.7),
        (Poisson(3.0), 40.0, 150.0, 0.4),
        (Poisson(200.0), 2.0, 500.0, 1.2),
        (Fixed(100.0), 0.5, 100.0, 0.0),
        (Fixed(40.0), 12.0, 900.0, 0.7),
        (Poisson(0.4), 900.0, 300.0, 0.3),
    ]
    for jump, mean, threshold, cv in cases:
        totals = simulate_totals(mean, jump, cv, SAMPLES, rng)
        seen = float((totals >= threshold).mean())
        ours = float(survival(mean, threshold, jump, cv))
        # Six standard errors of a share: a false alarm is a one-in-a-billion event.
        error = 6.0 * math.sqrt(max(ours * (1 - ours), 1e-9) / SAMPLES) + 3e-4
        rows.append(
            Check(
                f"P(total >= {threshold:g}), {jump!r:.18}..., cv {cv:g}",
                ours,
                seen,
                f"{error:.1e} (6 standard errors + stated error)",
                abs(ours - seen) <= error,
                "1e6 simulated cells",
            )
        )
        back = float(mean_reaching(ours, threshold, jump, cv))
        rows.append(near("  its inverse", back, mean, 3e-3, "round trip"))
    return rows


def packets_from_the_engine() -> list[Check]:
    """Return the same two packings from running recipient cells."""
    cells, needed, mean = 200_000, 100, 0.00825
    fast, never = np.asarray(50.0), np.asarray(0.0)
    room = np.asarray(1e9)
    recipient = opened_by(
        Recipient(
            bind_specific=fast,
            bind_nonspecific=never,
            unbind_specific=never,
            unbind_nonspecific=never,
            internalise=fast,
            mature=fast,
            recycle=never,
            lysosome=fast,
            opening=never,
            loss_outside=never,
            sites=room,
            entries_per_h=room,
        ),
        np.asarray(0.3),
    )
    found: list[Check] = []
    for words, loading, known in (
        ("100 copies packed together", Packets(mean, 100), 0.1164),
        ("independent loading", Independent(np.array([mean])), 0.0),
    ):
        got = receive(
            recipient,
            cells=cells,
            given=5_000,
            times_h=np.array([0.0, 4.0]),
            cargo=Cargo(loading, 1.0, 0.0),
            seed=SEED,
        )
        share = float((got.released[:, -1] >= needed).mean())
        # Six standard errors of a share; where theory says 5e-54, not one cell may respond.
        error = 6.0 * math.sqrt(known * (1.0 - known) / cells)
        found.append(
            Check(
                f"cells responding in the engine, {words}",
                share,
                known,
                f"{error:.1e} (6 standard errors)",
                abs(share - known) <= error,
                f"{cells} cells, closed form",
            )
        )
    return found


def geometry() -> list[Check]:
    """Return geometry and titration against the figures in the biology table."""
    one = np.ones(1)
    lumen_l = float(mean_lumen_volume_nm3(100 * one, one, 5 * one)[0]) * 1e-24
    lipids = float(mean_membrane_area_nm2(100 * one, one, 5 * one)[0]) / 0.65
    passive = 1e4 * lumen_l / 2e-12
    copies = copies_for_occupied_share(0.3, np.array([1e4]), np.array([18.0]))
    back = float(occupied_share(copies, np.array([1e4]), np.array([18.0]))[0])
    return [
        near("lumen of a 100 nm vesicle, L", lumen_l, 3.82e-19, 0.01, "c19"),
        near("lipids of a 100 nm vesicle before protein", lipids, 8.7e4, 0.01, "c20, note"),
        near("miRNA copies by passive loading, 1e4 in 2 pL", passive, 0.0019, 0.02, "d05"),
        near("titration and its inverse, occupied share", back, 0.3, 1e-9, "closed form"),
    ]


def doses() -> list[Check]:
    """Return conversions and worked plausibility figures."""
    catalog, streams = load_catalog(), Streams(SEED)
    infant = in_all_metrics(
        parse_dose("60 pmol_phospholipid/kg", where="verify"),
        catalog,
        streams,
        size=50_000,
        body_weight_kg=1.0,
        where="verify",
    )
    vesicles = next(row for row in infant.metrics if row.metric == "vesicle")
    exoflo = in_all_metrics(
        parse_dose("1.2e12 vesicle", where="verify"), catalog, streams, size=50_000, where="verify"
    )
    share = exoflo.pool_share
    rows = [
        Check(
            "vesicles/kg in 60 pmol phospholipid/kg (median)",
            vesicles.median,
            4.5e8,
            f"known inside 90 %: {vesicles.low:.2g} to {vesicles.high:.2g}",
            vesicles.low <= 4.5e8 <= vesicles.high,
            "i29",
        ),
        Check(
            "1.2e12 vesicles as a share of the plasma pool",
            share.median,
            0.04,
            f"known inside 90 %: {share.low:.2g} to {share.high:.2g}",
            share.low <= 0.04 <= share.high,
            "evidence notes 2.3",
        ),
        near(
            "copies for each hepatocyte, every vesicle delivered",
            _delivered(
                "mirna-liver-hepatocyte",
                {
                    "cell_count.hepatocyte": 2.4e11,
                    "copies_per_particle.natural_mirna": 0.00825,
                },
            ),
            0.04,
            0.05,
            "evidence notes 2.3",
        ),
        near(
            "the same, alveolar macrophages at 20 % deposition, vesicles",
            _delivered(
                "inhaled-covid",
                {
                    "cell_count.alveolar_macrophage": 2.3e10,
                    "arriving.inhaled.alveolar_macrophage": 0.2,
                    "copies_per_particle.natural_mirna": 1.0,
                },
            ),
            0.002,
            0.15,
            "evidence notes 2.3 (2e8 inhaled)",
        ),
    ]
    known = {5: 45, 7: 35, 8: 31, 9: 28, 11: 24, 24: 12}
    rows += [
        near(
            f"upper bound of 0 events in {n}, %",
            round(100 * upper_bound_of_zero_events(n)),
            bound,
            1e-9,
            "evidence notes 3",
        )
        for n, bound in known.items()
    ]
    return rows


def _delivered(claim: str, declared: dict[str, float]) -> float:
    """Return what the chain delivers to one cell when all transport but the declared is whole."""
    read = read_claim(bundled_claims()[claim])
    problem = plan(read, load_catalog(), seed=SEED, where=claim).problems[0]
    values = {role: one.median for role, one in problem.pools.items()}
    for role in values:
        if role_named(role, where=claim).is_transport:
            values[role] = 0.0 if role.startswith("residual_blood") else 1.0
    values |= {"vesicles_per_particle": 1.0, **declared}
    return float(problem.outcome(problem.at(values)).effect.mean_delivered[0])


def shares() -> list[Check]:
    """Return Sobol shares of the Ishigami function against the closed form and SALib."""
    a, b = 7.0, 0.1

    def ishigami(u: np.ndarray) -> np.ndarray:
        x = np.pi * (2.0 * u - 1.0)
        return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])

    variance = a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18 + 0.5
    first = [0.5 * (1 + b * np.pi**4 / 5) ** 2 / variance, a**2 / 8 / variance, 0.0]
    found = sobol_indices(ishigami, ("x1", "x2", "x3"), 65_536, Streams(SEED).of("verify.sobol"))
    return [
        Check(
            f"Ishigami, first-order share of x{i + 1}",
            float(found.first[i]),
            known,
            f"± {2 * float(found.first_halfwidth[i]) + 1e-3:.2g}",
            abs(float(found.first[i]) - known) <= 2 * float(found.first_halfwidth[i]) + 1e-3,
            "closed form",
        )
        for i, known in enumerate(first)
    ]


def controls() -> list[Check]:
    """Return the frozen controls, each row that decides."""
    rows: list[Check] = []
    for control in run_controls(seed=1):
        rows.append(
            Check(
                f"{control.name}: inputs as frozen",
                float(control.unchanged),
                1.0,
                "equal",
                control.unchanged,
                f"frozen {control.frozen_on}",
            )
        )
        if control.fold_error is not None:
            near_enough = 1.0 / FOLD_ALLOWED <= control.fold_error <= FOLD_ALLOWED
            rows.append(
                Check(
                    f"{control.name}: dose by which the medians are off, fold",
                    control.fold_error,
                    1.0,
                    f"{1 / FOLD_ALLOWED:.2f} to {FOLD_ALLOWED:.2f}",
                    near_enough,
                    "geometric mean over doses",
                )
            )
        for row in control.rows:
            if row.is_rival:
                continue
            known = row.published if row.published is not None else row.published_high
            rows.append(
                Check(
                    f"{control.name}: {row.case}, %",
                    row.median,
                    math.nan if known is None else known,
                    f"{row.low:.3g} to {row.high:.3g}",
                    row.score.endswith("reproduced"),
                    " ".join(row.records) or control.source[:40],
                )
            )
    return rows


def main() -> int:
    """Print the table; the exit code says whether every row holds."""
    rows = [*packets(), *packets_from_the_engine(), *geometry(), *doses(), *shares(), *controls()]
    if "--markdown" in sys.argv:
        print("| quantity | ours | published | allowed | verdict | source |")
        print("|---|---|---|---|---|---|")
        line = "| {} | {:.4g} | {} | {} | {} | {} |"
    else:
        line = "{:<58.58} {:>10.4g} {:>10} {:<46.46} {:<5} {}"
    for row in rows:
        known = "sign" if math.isnan(row.known) else f"{row.known:.4g}"
        verdict = "holds" if row.holds else "FAILS"
        print(line.format(row.quantity, row.ours, known, row.allowed, verdict, row.source))
    failed = sum(not row.holds for row in rows)
    print(f"\n{len(rows)} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
