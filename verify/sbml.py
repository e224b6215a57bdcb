"""Run our exported cell models in libRoadRunner (CVODE) and compare with our mean field.

Run ``python verify/sbml.py`` with the extra ``bench``. Each model goes out as SBML text, as
``exosome cell export`` writes it, and is integrated by both for 48 h. Every species at every
saved time counts where it is above 1e-6 of a single thing per cell; 1e-6 relative is allowed.
"""

from __future__ import annotations

import sys

import numpy as np

from exosome.app.cell_export import exported
from exosome.cell.means import LOST
from exosome.numerics.network import mean_field
from exosome.numerics.sbml import write_sbml

ALLOWED = 1e-6
SMALLEST = 1e-6
TIMES_H = np.array([0.1, 0.5, 1.0, 4.0, 12.0, 24.0, 48.0])
MODELS = (
    ("cell-sends", "means"),
    ("cell-sends", "classes"),
    ("cell-receives", "low_fusion"),
    ("cell-receives", "opens_30_percent"),
)


def worst(scenario: str, form: str) -> tuple[int, int, float]:
    """Return the species, the values compared and the largest relative difference."""
    import roadrunner

    network, kind = exported(scenario, form)
    names = [part.name for part in network.species]
    text = write_sbml(network, mean_field=True, notes=LOST[kind], time_unit_s=3600.0)
    model = roadrunner.RoadRunner(text)
    model.integrator.relative_tolerance = 1e-10
    model.integrator.absolute_tolerance = 1e-14
    model.timeCourseSelections = names
    theirs = np.asarray(model.simulate(times=[0.0, *TIMES_H]))[1:]
    ours = mean_field(network, TIMES_H, relative_tolerance=1e-10, absolute_tolerance=1e-14).values
    counts = ours > SMALLEST
    return (
        len(names),
        int(counts.sum()),
        float(np.max(np.abs(theirs - ours)[counts] / ours[counts])),
    )


def main() -> int:
    """Print the table; return 1 if a model is off, 4 if libRoadRunner is missing."""
    try:
        import roadrunner
    except ImportError:
        print("libRoadRunner is missing: pip install 'exosome[bench]'", file=sys.stderr)
        return 4
    print(f"libRoadRunner {roadrunner.__version__}, CVODE\n")
    print(
        "| scenario | form | species | values | largest relative difference | allowed | verdict |"
    )
    print("|---|---|---|---|---|---|---|")
    failed = 0
    for scenario, form in MODELS:
        species, values, off = worst(scenario, form)
        failed += not off <= ALLOWED
        print(f"| {scenario} | {form} | {species} | {values} | {off:.1e} | {ALLOWED:.0e} | "
              f"{'holds' if off <= ALLOWED else 'FAILS'} |")  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
