"""``exosome dose``."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from exosome.app.terminal import console, dose_page
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.core.units import parse_dose, to_internal
from exosome.delivery.dose import in_all_metrics
from exosome.product.dose import METRICS
from exosome.product.trials import far_from_every_trial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DRAWS = 50_000


def convert_dose(
    amount: str, *, to: str, body_weight: str, numbers: Sequence[Path], seed: int
) -> None:
    """Print a dose in one or all metrics, beside the body's own vesicles and trials."""
    if to and to not in METRICS:
        near = get_close_matches(to, METRICS, 1, 0.0)[0]
        raise InputError(
            f"{to!r} is no dose metric",
            where="--as",
            remedy=f"did you mean {near!r}? Metrics: {', '.join(METRICS)}",
        )
    dose = parse_dose(amount, where="dose")
    weight = to_internal(body_weight, "kg", where="--body-weight") if body_weight else None
    if weight is not None and not 0.0 < weight < float("inf"):
        raise InputError(
            f"{body_weight!r} is no body weight", where="--body-weight", remedy="give it above 0 kg"
        )
    catalog = load_catalog(tuple(numbers))
    table = in_all_metrics(
        dose, catalog, Streams(seed), size=_DRAWS, body_weight_kg=weight, where="dose"
    )
    warning = far_from_every_trial(dose.amount, dose.metric, per_kg=dose.per_kg)
    console().print(dose_page(table, catalog, only=to, warning=warning.message if warning else ""))
