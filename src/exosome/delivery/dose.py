"""One dose in every metric the field uses, with intervals, and beside the body's own vesicles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.delivery.draws import Noting, coordinates, draw
from exosome.delivery.problem import Sourcing
from exosome.product.dose import METRICS, Metric, vesicles_per_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.catalog.load import Catalog
    from exosome.catalog.record import Sourced
    from exosome.core.inputs import Inputs
    from exosome.core.random import Streams
    from exosome.core.units import Dose

    Amount = NDArray[np.float64]

_POOL = ("plasma_vesicles_per_ml", "plasma_volume")
_SECRETION = ("plasma_secretion_per_min",)


@dataclass(frozen=True, slots=True)
class Converted:
    """A dose in one metric: median, 90 % interval and the parameters it went through."""

    metric: str
    low: float
    median: float
    high: float
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoseTable:
    """A dose in all metrics, as a share of the plasma pool and as seconds of secretion."""

    dose: Dose
    metrics: tuple[Converted, ...]
    pool_share: Converted
    secretion_s: Converted
    records: tuple[Sourced, ...]


def in_all_metrics(
    dose: Dose,
    catalog: Catalog,
    streams: Streams,
    *,
    size: int,
    body_weight_kg: float | None = None,
    where: str = "dose",
) -> DoseTable:
    """Return a dose in every metric.

    Each conversion is a distribution: purity, the size law, lipids for each
    vesicle and yields are drawn, never fixed. The metric in which the dose was
    stated is exact (for a dose per kilogram: up to the body weight).

    Raises
    ------
    InputError
        If the metric does not count vesicles (a mass of RNA or drug, cells, a volume).
    """
    sourcing = Sourcing(catalog, where=where)
    for metric in (dose.metric, *METRICS):
        vesicles_per_unit(metric, sourcing, where=where)
    weighed = dose.per_kg and body_weight_kg is None
    for role in (*_POOL, *_SECRETION, *(("body_weight",) if weighed else ())):
        sourcing[role]
    pools = sourcing.pools
    inputs = draw(pools, coordinates(tuple(pools), streams, size), size)

    amount, weight = _amount(dose, body_weight_kg, inputs)
    each, through = _each(dose.metric, inputs, where)
    vesicles = amount * each
    rows = tuple(
        _converted(metric, amount, weight)
        if metric == dose.metric
        else _via_vesicles(metric, vesicles, (*weight, *through), inputs, where)
        for metric in METRICS
    )
    own = inputs["plasma_vesicles_per_ml"] * inputs["plasma_volume"]
    per_s = inputs["plasma_secretion_per_min"] / 60.0
    return DoseTable(
        dose,
        rows,
        _converted("share of the plasma pool", vesicles / own, (*weight, *through, *_POOL)),
        _converted("s of normal secretion", vesicles / per_s, (*weight, *through, *_SECRETION)),
        tuple({r.id: r for one in pools.values() for r in one.records}.values()),
    )


def _via_vesicles(
    metric: Metric, vesicles: Amount, through: tuple[str, ...], inputs: Inputs, where: str
) -> Converted:
    each, more = _each(metric, inputs, where)
    return _converted(metric, vesicles / each, tuple(dict.fromkeys((*through, *more))))


def _each(metric: str, inputs: Inputs, where: str) -> tuple[Amount, tuple[str, ...]]:
    noting = Noting(inputs)
    return vesicles_per_unit(metric, noting, where=where), noting.asked


def _amount(
    dose: Dose, body_weight_kg: float | None, inputs: Inputs
) -> tuple[Amount, tuple[str, ...]]:
    amount = inputs.constant(dose.amount)
    if not dose.per_kg:
        return amount, ()
    if body_weight_kg is not None:
        return amount * body_weight_kg, ()
    return amount * inputs["body_weight"], ("body_weight",)


def _converted(metric: str, amount: Amount, roles: tuple[str, ...]) -> Converted:
    low, median, high = np.quantile(amount, [0.05, 0.5, 0.95])
    return Converted(metric, float(low), float(median), float(high), roles)
