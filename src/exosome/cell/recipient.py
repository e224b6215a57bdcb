"""The recipient cell: rates of uptake and sorting, and what follows for single vesicles.

A vesicle outside binds at a site or unspecifically, lets go or is taken in, is sorted in the
early endosome back out or on to the late one, and ends there: degraded with its cargo, or opened
to the cytosol. While sites and entry are far from full, vesicles do not feel each other, and the
share of them in each place is a linear chain with one loop, solved here by its transform.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.inversion import inverted
from exosome.numerics.stages import third_stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Amount = NDArray[np.float64]

RATES = (
    "bind_specific",
    "bind_nonspecific",
    "unbind_specific",
    "unbind_nonspecific",
    "internalise",
    "mature",
    "recycle",
    "lysosome",
    "opening",
    "loss_outside",
)


@dataclass(frozen=True, slots=True, eq=False)
class Recipient:
    """Rates of one recipient cell per hour; scalars, or one entry for each draw.

    Parameters
    ----------
    bind_specific, bind_nonspecific : array
        Per vesicle around the cell, with every site free.
    unbind_specific, unbind_nonspecific : array
        Per bound vesicle.
    internalise : array
        Per bound vesicle, while few are bound.
    mature, recycle : array
        Per vesicle in the early endosome: on to the late one, and back out of the cell, intact.
    lysosome, opening : array
        Per vesicle in the late endosome: degraded, and opened to the cytosol.
    loss_outside : array
        Per vesicle around the cell: gone to walls, enzymes, other cells.
    sites : array
        Specific binding sites of the cell.
    entries_per_h : array
        Vesicles that the cell can take in per hour at most.
    """

    bind_specific: Amount
    bind_nonspecific: Amount
    unbind_specific: Amount
    unbind_nonspecific: Amount
    internalise: Amount
    mature: Amount
    recycle: Amount
    lysosome: Amount
    opening: Amount
    loss_outside: Amount
    sites: Amount
    entries_per_h: Amount

    def __post_init__(self) -> None:
        for field in fields(self):
            held = np.asarray(getattr(self, field.name), dtype=np.float64)
            if not np.all(np.isfinite(held)) or np.any(held < 0.0):
                raise InputError(
                    f"rate {field.name!r} is negative or not a number",
                    where="recipient",
                    remedy="give rates of zero or more, per hour",
                )
            object.__setattr__(self, field.name, held)
        if np.any(self.mature + self.recycle <= 0.0):
            raise InputError(
                "vesicles in the early endosome have no way on",
                where="recipient",
                remedy="keep one of mature and recycle above zero",
            )

    def scaled(self, factors: Mapping[str, float | Amount]) -> Recipient:
        """Return the recipient with some rates multiplied; the names are those of the fields."""
        known = {field.name for field in fields(self)}
        unknown = sorted(factors.keys() - known)
        if unknown:
            raise InputError(
                f"no rate {unknown[0]!r}",
                where="recipient",
                remedy=f"rates: {', '.join(sorted(known))}",
            )
        changed = {name: getattr(self, name) * factor for name, factor in factors.items()}
        return replace(self, **changed)


def binding_rate(
    share_in_1_h: Amount, *, specific: Amount, unbind: tuple[Amount, Amount], internalise: Amount
) -> tuple[Amount, Amount]:
    """Return the rates of specific and unspecific binding that give an uptake in one hour.

    A vesicle that bound stays with the cell for the rest of the hour with chance
    ``1 - u / (u + k) (1 - exp(-(u + k) t))``. Averaged over the hour this gives the capture rate
    whose share held at the cell after 1 h is ``share_in_1_h``. This is calibration: agreement
    with that share is no test. To first order: a vesicle that lets go does not bind again within
    the hour, and recycling within it is left out.
    """
    stays = [
        (k + u * -np.expm1(-(u + k)) / (u + k)) / (u + k)
        for u, k in ((np.maximum(one, 1e-12), internalise) for one in unbind)
    ]
    capture = -np.log1p(-share_in_1_h) / (specific * stays[0] + (1.0 - specific) * stays[1])
    return capture * specific, capture * (1.0 - specific)


def opened_by(recipient: Recipient, share: Amount) -> Recipient:
    """Return the recipient whose late endosomes open ``share`` of the vesicles that end there.

    The hazard of opening is set against the rate to the lysosome, ``lysosome * p / (1 - p)``: of
    the internalised vesicles that the cell does not give back, ``p`` open. This is calibration:
    the opening module's number is put in, not predicted.

    Raises
    ------
    InputError
        The share is not below 1.
    """
    if np.any(share >= 1.0) or np.any(share < 0.0):
        raise InputError(
            "the share of internalised vesicles that opens must be at least 0 and below 1",
            where="opening",
            remedy="mend the record of this opening module",
        )
    return replace(recipient, opening=recipient.lysosome * share / (1.0 - share))


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Shares of the vesicles given, by place; they add up to one.

    ``free``: outside, never inside. ``recycled_out``: outside and intact after a stay inside.
    ``internalised`` is not a place: the share that has been inside at least once.
    """

    free: Amount
    recycled_out: Amount
    bound: Amount
    early: Amount
    late: Amount
    degraded: Amount
    opened: Amount
    lost: Amount
    internalised: Amount


@dataclass(frozen=True, slots=True, eq=False)
class _Passage:
    """Transforms of where one vesicle is that starts outside at time zero."""

    first_free: NDArray[np.complex128]
    first_in: NDArray[np.complex128]
    bound: NDArray[np.complex128]
    early: NDArray[np.complex128]
    late: NDArray[np.complex128]
    free: NDArray[np.complex128]


def _passage(r: Recipient, s: complex) -> _Passage:
    """Return the transforms of occupancy: a round outside, and the loop by recycling.

    Outside ``f = 1 / (s + x + sum a (s + k) / (s + u + k))``; density of entry ``e = k b`` with
    ``b = f sum a / (s + u + k)``; early endosome ``E = e w / (1 - e r w)`` with
    ``w = 1 / (s + m + r)``.
    """
    k = r.internalise
    grip = r.bind_specific / (s + r.unbind_specific + k) + r.bind_nonspecific / (
        s + r.unbind_nonspecific + k
    )
    free = 1.0 / (s + r.loss_outside + grip * (s + k))
    bound = free * grip
    into = k * bound
    stay = 1.0 / (s + r.mature + r.recycle)
    early = into * stay / (1.0 - into * (r.recycle * stay))
    rounds = 1.0 + r.recycle * early
    return _Passage(
        first_free=free,
        first_in=into,
        bound=bound * rounds,
        early=early,
        late=r.mature * early / (s + r.lysosome + r.opening),
        free=free * rounds,
    )


def places_at(recipient: Recipient, hours: float) -> Places:
    """Return where the vesicles given at time zero are after ``hours``, in closed form.

    The transform is explicit and inverted on ten complex nodes (`numerics.inversion`), for all
    draws at once. Exact for single vesicles; it stops holding where `saturation` is not small.
    """
    r = recipient
    if hours <= 0.0:
        return Places(_none(r) + 1.0, *(_none(r) for _ in range(8)))

    def transform(s: complex) -> NDArray[np.complex128]:
        p = _passage(r, s)
        return np.stack(
            np.broadcast_arrays(
                p.first_free,
                p.free - p.first_free,
                p.bound,
                p.early,
                p.late,
                r.lysosome * p.late / s,
                r.opening * p.late / s,
                r.loss_outside * p.free / s,
                p.first_in / s,
            )
        )

    return Places(*inverted(transform, hours))


def _none(recipient: Recipient) -> Amount:
    """Return a zero for each draw."""
    return np.zeros(np.broadcast(*(getattr(recipient, name) for name in RATES)).shape)


def opened_share(recipient: Recipient, hours: float) -> Amount:
    """Return the share of the vesicles given that has opened to the cytosol after ``hours``."""
    if hours <= 0.0:
        return _none(recipient)
    return inverted(lambda s: recipient.opening * _passage(recipient, s).late / s, hours)


def copies_at(recipient: Recipient, hours: float, *, functional: Amount, loss: Amount) -> Amount:
    """Return the mean functional copies in the cytosol, per copy given outside.

    Multiply by the vesicles around the cell and the mean copies in each. Copies act with the
    chance ``functional`` and are lost at the rate ``loss`` per hour, one by one.
    """
    if hours <= 0.0:
        return _none(recipient) * loss
    return functional * inverted(
        lambda s: recipient.opening * _passage(recipient, s).late / (s + loss), hours
    )


def internalised_by(recipient: Recipient, hours: float) -> Amount:
    """Return the share of the vesicles given that has been inside at least once by ``hours``."""
    if hours <= 0.0:
        return np.zeros_like(recipient.opening)
    return inverted(lambda s: _passage(recipient, s).first_in / s, hours)


def bound_at(recipient: Recipient, hours: float) -> Amount:
    """Return the share of the vesicles given that is bound to the surface after ``hours``."""
    if hours <= 0.0:
        return np.zeros_like(recipient.opening)
    return inverted(lambda s: _passage(recipient, s).bound, hours)


def copies_from_inside(recipient: Recipient, hours: Amount | float, *, loss: Amount) -> Amount:
    """Return the mean copies in the cytosol, per copy in the early endosome at time zero.

    For vesicles that were taken up at one moment; those that the cell gives back are gone. It
    overstates the height of the peak where uptake takes longer than sorting.
    """
    r = recipient
    passed = third_stage(r.mature + r.recycle, r.lysosome + r.opening, loss, hours)
    return r.mature * r.opening * passed


@dataclass(frozen=True, slots=True, eq=False)
class Fates:
    """Where vesicles end if nothing more is given: shares of the vesicles given.

    ``opened + degraded + lost + outside = 1``; ``outside`` is above zero only where neither loss
    nor uptake ever ends a vesicle. ``internalised``: inside at least once. ``entries``: entries
    per vesicle given, more than ``internalised`` where recycled vesicles come in again.
    """

    opened: Amount
    degraded: Amount
    lost: Amount
    outside: Amount
    internalised: Amount
    entries: Amount

    def per_internalised(self, part: Amount) -> Amount:
        """Return a share of the vesicles given as one of those once inside; 0 if there are none."""
        return _ratio(part, self.internalised)


def fates(recipient: Recipient) -> Fates:
    """Return the ends of the vesicles given, in closed form.

    A vesicle outside comes in before it is lost with chance ``e = g / (g + x)``, where
    ``g = sum a k / (u + k)``; each entry is given back with chance ``r / (m + r)``. Late vesicles
    without any way on count as degraded, for want of another end.
    """
    r = recipient
    k = r.internalise
    into = sum(
        (
            a * _ratio(k, u + k)
            for a, u in (
                (r.bind_specific, r.unbind_specific),
                (r.bind_nonspecific, r.unbind_nonspecific),
            )
        ),
        start=np.zeros(()),
    )
    first = _ratio(into, into + r.loss_outside)
    back = r.recycle / (r.mature + r.recycle)
    again = first * back
    endless = again >= 1.0  # always given back and always taken up again
    entries = np.divide(first, 1.0 - again, out=np.ones_like(again), where=~endless)
    kept = np.where(endless, 0.0, entries * (1.0 - back))
    opens = _ratio(r.opening, r.opening + r.lysosome)
    gone = _ratio(r.loss_outside, r.loss_outside + into) * (1.0 + entries * back)
    opened, degraded = kept * opens, kept * (1.0 - opens)
    lost = np.where(endless, 0.0, gone)
    return Fates(
        opened=opened,
        degraded=degraded,
        lost=lost,
        outside=np.maximum(1.0 - opened - degraded - lost, 0.0),
        internalised=first,
        entries=entries,
    )


def _ratio(part: Amount, whole: Amount) -> Amount:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Saturation:
    """How full the cell is at its fullest: occupied sites over sites, entry over its capacity."""

    sites: Amount
    entry: Amount

    @property
    def worst(self) -> Amount:
        """The larger of the two: the closed form overstates uptake by about this share."""
        return np.maximum(self.sites, self.entry)


def saturation(recipient: Recipient, given: Amount, hours: float) -> Saturation:
    """Return how far ``given`` vesicles per cell at time zero fill sites and entry.

    From the closed form itself, at the fullest of 24 moments up to ``hours``, so it stops
    counting where it has said that it does not hold: well below 1 both numbers are right.
    """
    r = recipient
    full = np.zeros(())
    entry = np.zeros(())
    for at in np.geomspace(hours / 500.0, hours, 24):

        def bound(s: complex) -> NDArray[np.complex128]:
            p = _passage(r, s)
            specific = p.free * r.bind_specific / (s + r.unbind_specific + r.internalise)
            return np.stack(np.broadcast_arrays(specific, p.bound))

        specific, every = inverted(bound, float(at))
        full = np.maximum(full, specific * given)
        entry = np.maximum(entry, every * r.internalise * given)
    return Saturation(sites=_over(full, r.sites), entry=_over(entry, r.entries_per_h))


def _over(part: Amount, whole: Amount) -> Amount:
    part, whole = np.broadcast_arrays(part, whole)
    # Something held where there is no room: infinitely full.
    none = np.where(part > 0.0, np.inf, 0.0)
    return np.divide(part, whole, out=none, where=whole > 0.0)


@dataclass(frozen=True, slots=True)
class RecipientType:
    """A kind of cell that receives, and the catalog's roles that may hold its uptake.

    ``donor`` names the same cell among the types that send, for what it releases itself;
    ``released_between`` two records that bound this where it has no rate of its own.
    """

    key: str
    name: str
    roles: tuple[str, ...]
    donor: str = ""
    released_between: tuple[str, ...] = ()
    note: str = ""


@cache
def recipient_types() -> Mapping[str, RecipientType]:
    """Return every recipient type by its key, those of unknown uptake included."""
    text = files("exosome.cell").joinpath("recipients.toml").read_text("utf-8")
    return MappingProxyType(
        {
            key: RecipientType(
                key,
                one["name"],
                tuple(one["roles"]),
                one.get("donor", ""),
                tuple(one.get("released_between", ())),
                one.get("note", ""),
            )
            for key, one in tomllib.loads(text)["recipient"].items()
        }
    )


def recipient_type(key: str, *, where: str) -> RecipientType:
    """Return a recipient type.

    Raises
    ------
    InputError
        There is no such type.
    """
    types = recipient_types()
    if key not in types:
        raise InputError(
            f"{key!r} is no recipient type of this package",
            where=where,
            remedy=f"choose from {', '.join(types)}; "
            "or give uptake_role and your own record with --numbers",
        )
    return types[key]
