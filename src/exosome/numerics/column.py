"""A column of liquid over a floor that takes up: diffusion, settling, loss.

The share ``c`` of what was spread evenly through a column of height L obeys

    dc/dt = d/dz (D dc/dz + v c) - k c,   no flux at the top,   D dc/dz + v c = K c at the floor,

with diffusivity D, settling speed v, floor permeability K and a first-order loss k. All answers
are exact up to rounding and the stated cuts; three forms of the same solution share the work:

* a series of eigenfunctions, whose roots are found for any K (the floor may be a perfect sink);
* for short times, where that series is slow, the law of a column without a top;
* for fast settling, where the series cancels, the numerical inversion of the Laplace transform.

Everything is vectorised: arguments broadcast against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exosome.core.errors import InputError
from exosome.numerics.inversion import euler_nodes
from exosome.numerics.special import erfc, erfcx

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Waves = NDArray[np.complex128]

_MODES = 24
_SHORT = 0.01  # in units of L^2/D; the top has moved the floor by less than exp(-1/0.04) there
_SERIES_TO = 2.5  # half the Peclet number up to which the series keeps its digits
_SINK = 1e14  # Biot number of a perfect sink: sums of its squares stay finite
_SEALED, _AT_ONCE = 1e-100, 1e-30  # Biot numbers and times so small that nothing is taken
_SLOW_LOSS = 1e-3  # loss below which the closed form of the total cancels
_EULER = 18  # terms of the inversion; errors near 1e-10, 1e-8 where all has long been taken


def _gauss(count: int) -> list[tuple[float, float]]:
    """Return Gauss-Legendre nodes and weights on 0 to 1."""
    node, weight = np.polynomial.legendre.leggauss(count)
    return list(zip((0.5 * (node + 1.0)).tolist(), (0.5 * weight).tolist(), strict=True))


_FINE, _COARSE = _gauss(40), _gauss(16)  # for a flux that turns sharply; for half a wave


@dataclass(frozen=True, slots=True)
class Column:
    """A column of liquid, or an array of columns whose members broadcast.

    Parameters
    ----------
    height_um, diffusivity_um2_per_s : array_like
        Above zero.
    settling_um_per_s : array_like
        Towards the floor, not below zero.
    permeability_um_per_s : array_like
        Of the floor: uptake per floor area over the concentration at the floor. Zero for a
        reflecting floor, infinity for a perfect sink.
    loss_per_s : array_like
        First-order loss inside the liquid.

    Raises
    ------
    InputError
        A value is not a number or out of its range.
    """

    height_um: ArrayLike
    diffusivity_um2_per_s: ArrayLike
    settling_um_per_s: ArrayLike = 0.0
    permeability_um_per_s: ArrayLike = math.inf
    loss_per_s: ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name, least, words in (
            ("height_um", 0.0, "above 0"),
            ("diffusivity_um2_per_s", 0.0, "above 0"),
            ("settling_um_per_s", None, "0 or more"),
            ("loss_per_s", None, "0 or more"),
            ("permeability_um_per_s", None, "0 or more"),
        ):
            value = np.asarray(getattr(self, name), np.float64)
            low = value > 0.0 if least is not None else value >= 0.0
            finite = np.isfinite(value) | (name == "permeability_um_per_s")
            if not (low & finite & ~np.isnan(value)).all():
                raise InputError(
                    f"{name} holds a value that no column has",
                    where="column",
                    remedy=f"give finite values {words}",
                )

    @property
    def turnover_s(self) -> Floats:
        """Time in which diffusion crosses the column, L^2 / D."""
        height = np.asarray(self.height_um, np.float64)
        return np.asarray(height**2 / np.asarray(self.diffusivity_um2_per_s, np.float64))

    @property
    def biot(self) -> Floats:
        """Uptake at the floor against diffusion through the column, K L / D."""
        height = np.asarray(self.height_um, np.float64)
        return np.asarray(
            np.asarray(self.permeability_um_per_s, np.float64)
            * height
            / np.asarray(self.diffusivity_um2_per_s, np.float64)
        )

    @property
    def peclet(self) -> Floats:
        """Settling against diffusion, v L / D."""
        height = np.asarray(self.height_um, np.float64)
        return np.asarray(
            np.asarray(self.settling_um_per_s, np.float64)
            * height
            / np.asarray(self.diffusivity_um2_per_s, np.float64)
        )


@dataclass(frozen=True, slots=True)
class Shares:
    """Where what was in the column is: taken up by the floor, lost in the liquid, still in it."""

    taken: Floats
    lost: Floats
    inside: Floats


def shares(column: Column, time_s: ArrayLike) -> Shares:
    """Return what the floor has taken, what was lost and what is still in the column.

    Parameters
    ----------
    column : Column
        One column, or arrays that broadcast with ``time_s``.
    time_s : array_like
        Since the column was filled and evenly mixed; 0 or more.

    Raises
    ------
    InputError
        A time is negative or not finite.

    References
    ----------
    The eigenvalue problem is that of a slab with radiation at both faces (Carslaw and Jaeger),
    after the drift is taken out by ``c = exp(-v z / 2 D) u``; written out in
    ``docs/methods/dish.md``. The inversion is the Euler algorithm of Abate and Whitt.
    """
    half, biot, loss, tau, out = _scaled(column, time_s)
    taken = _taken(half, biot, loss, tau)
    # Loss is the same everywhere, so it thins what would be there without it.
    kept = _taken(half, biot, np.zeros_like(loss), tau) if loss.any() else taken
    inside = ((1.0 - kept) * np.exp(-loss * tau)).reshape(out)
    taken = taken.reshape(out)
    return Shares(taken, np.maximum(1.0 - taken - inside, 0.0), inside)


def taken_share(column: Column, time_s: ArrayLike) -> Floats:
    """Return only what the floor has taken, in half the time of :func:`shares`.

    Raises
    ------
    InputError
        A time is negative or not finite.
    """
    half, biot, loss, tau, out = _scaled(column, time_s)
    return _taken(half, biot, loss, tau).reshape(out)


def taken_by_inversion(column: Column, time_s: ArrayLike) -> Floats:
    """Return what the floor has taken by the inversion alone, for any column.

    An independent way to the same answer, which the series and the short-time law are checked
    against; the inversion serves fast settling in :func:`taken_share` itself.
    """
    half, biot, loss, tau, out = _scaled(column, time_s)
    wide = [
        np.broadcast_to(one, np.broadcast_shapes(half.shape, tau.shape)).ravel()
        for one in (half, biot, loss, tau)
    ]
    found = np.zeros(wide[0].size)
    some = (wide[1] > _SEALED) & (wide[3] > _AT_ONCE)
    found[some] = _by_inversion(*(one[some] for one in wide))
    return found.reshape(out)


def _scaled(
    column: Column, time_s: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, tuple[int, ...]]:
    """Return half the Peclet number, Biot number, loss and time in units of L^2 / D."""
    time = np.asarray(time_s, np.float64)
    if not (np.isfinite(time) & (time >= 0.0)).all():
        raise InputError(
            "a time is negative or not finite", where="column", remedy="give times from 0 s on"
        )
    turnover = column.turnover_s
    shape = np.broadcast_shapes(
        turnover.shape, column.biot.shape, column.peclet.shape, np.shape(column.loss_per_s)
    )
    half = np.broadcast_to(0.5 * column.peclet, shape)
    biot = np.broadcast_to(np.minimum(column.biot, _SINK), shape)
    loss = np.broadcast_to(np.asarray(column.loss_per_s, np.float64) * turnover, shape)
    tau = time / turnover
    out = np.broadcast_shapes(shape, tau.shape)
    half, biot, loss, tau = (np.atleast_1d(one) for one in (half, biot, loss, tau))
    return half, biot, loss, tau, out


def stirred(column: Column, time_s: ArrayLike) -> Shares:
    """Return the same for a column that is mixed faster than its floor takes up.

    The ceiling that the floor's own permeability sets: what no stirring can raise. With an
    infinite permeability everything is taken at once.
    """
    uptake = np.asarray(column.permeability_um_per_s, np.float64) / np.asarray(
        column.height_um, np.float64
    )
    loss = np.asarray(column.loss_per_s, np.float64)
    time = np.asarray(time_s, np.float64)
    sink = np.isinf(uptake)
    rate = np.where(sink, 0.0, uptake) + loss
    gone = -np.expm1(-rate * time)
    part = np.divide(np.where(sink, 0.0, uptake), rate, out=np.zeros(rate.shape), where=rate > 0.0)
    at_once = sink & (time > 0.0)
    taken = np.where(at_once, 1.0, part * gone)
    inside = np.where(at_once, 0.0, 1.0 - gone)
    return Shares(taken, np.maximum(1.0 - taken - inside, 0.0), inside)


def _taken(half: Floats, biot: Floats, loss: Floats, tau: Floats) -> Floats:
    """Return the share taken, each element by the form that serves it."""
    shape = np.broadcast_shapes(half.shape, tau.shape)
    fast = half > _SERIES_TO
    # Columns that settle fast get harmless stand-ins here and their own answer below.
    taken = (
        np.zeros(shape)
        if fast.all()
        else np.broadcast_to(_by_modes(np.where(fast, 0.0, half), biot, loss, tau), shape).copy()
    )
    p, b, lam, t = (np.broadcast_to(one, shape) for one in (half, biot, loss, tau))
    hard, short = p > _SERIES_TO, (t < _SHORT) & (p <= _SERIES_TO)
    if short.any():
        taken[short] = _by_short_time(p[short], b[short], lam[short], t[short])
    taken[hard] = 0.0
    hard &= (b > _SEALED) & (t > _AT_ONCE)  # elsewhere no floor takes anything
    if hard.any():
        taken[hard] = _by_inversion(p[hard], b[hard], lam[hard], t[hard])
    return np.clip(taken, 0.0, 1.0)


# --- a series of eigenfunctions ------------------------------------------------------------------


def _by_modes(half: Floats, biot: Floats, loss: Floats, tau: Floats) -> Floats:
    """Sum modes; what the cut modes took has all gone by the shortest time served."""
    taken = np.zeros(np.broadcast_shapes(half.shape, tau.shape))
    total = np.zeros(half.shape)
    weights, rates = _modes(half, biot)
    for weight, rate in zip(weights, rates, strict=True):
        uptake = weight * rate / np.maximum(rate + loss, _SEALED)
        total += uptake
        taken -= uptake * np.expm1(-(rate + loss) * tau)
    # The rest of the series at infinite time is the closed total less the modes summed.
    closed = np.where(loss > _SLOW_LOSS, _total(half, biot, np.maximum(loss, _SLOW_LOSS)), 0.0)
    rest = np.where(loss > _SLOW_LOSS, closed - total, 1.0 - weights.sum(axis=0))
    return taken + np.where(biot > 0.0, rest, 0.0)


def _modes(half: Floats, biot: Floats) -> tuple[Floats, Floats]:
    """Return the weight of each mode in the initial share, and its rate in units of D / L^2."""
    weights, rates = np.zeros((_MODES, *half.shape)), np.zeros((_MODES, *half.shape))
    weights[0], rates[0] = _slowest(half, biot)
    e = np.exp(half)
    for n in range(1, _MODES):
        beta = _root(n, half, biot)
        rate = beta**2 + half**2
        top = np.sqrt(np.maximum(1.0 + biot * (biot - 2.0 * half) / rate, 0.0)) * (-1.0) ** n
        norm = rate + biot * (1.0 + biot - 2.0 * half) + half * biot * (biot - 2.0 * half) / rate
        before = 2.0 * half * e * top + biot - 2.0 * half
        weights[n] = biot * before * 2.0 * beta**2 / (rate**2 * norm)
        rates[n] = rate
    return weights, rates


def _root(n: int, half: Floats, biot: Floats) -> Floats:
    """Return the root of tan(beta) = B beta / (beta^2 + p^2 - B p) between n pi and (n + 1) pi.

    Each such interval holds one, by Sturm's theorem. Solved as beta = n pi + angle(beta).
    """
    shift = half * (half - biot)
    low, high = np.full(half.shape, n * np.pi), np.full(half.shape, (n + 1) * np.pi)
    beta = n * np.pi + np.arctan2(biot * high, high**2 + shift)
    for _ in range(40):
        along, across = biot * beta, beta**2 + shift
        angle = np.arctan2(along, across)
        off = beta - n * np.pi - angle
        low, high = np.where(off < 0.0, beta, low), np.where(off >= 0.0, beta, high)
        slope = 1.0 - biot * (shift - beta**2) / np.maximum(along**2 + across**2, 1e-300)
        step = beta - off / slope
        step = np.where((step < low) | (step > high), 0.5 * (low + high), step)
        if (np.abs(step - beta) <= 3e-15 * beta).all():
            break
        beta = step
    return beta


def _slowest(half: Floats, biot: Floats) -> tuple[Floats, Floats]:
    """Return weight and rate of the slowest mode, whose root may be imaginary."""
    low, high = np.zeros(half.shape), np.pi**2 + half**2
    leaky = biot * 2.0 * np.where(half > 0.0, half / -np.expm1(-2.0 * np.maximum(half, 1e-12)), 0.5)
    leaky = np.where(half < 1e-12, biot, leaky)
    rate = 1.0 / (1.0 / np.maximum(leaky, 1e-300) + 1.0 / (0.25 * np.pi**2 + half**2 + half))
    for _ in range(60):
        c, s, slope_s = _waves(rate - half**2)
        value = biot * (c + half * s) - rate * s
        low, high = np.where(value > 0.0, rate, low), np.where(value <= 0.0, rate, high)
        slope = biot * (-0.5 * s + half * slope_s) - s - rate * slope_s
        step = rate - value / np.where(slope < 0.0, slope, -1.0)
        step = np.where((step <= low) | (step >= high), 0.5 * (low + high), step)
        if (np.abs(step - rate) <= 3e-15 * rate).all():
            break
        rate = step
    rate = np.where(biot > 0.0, rate, 0.0)
    square = rate - half**2
    floor = biot - half
    scale = 1.0 / (1.0 + np.abs(floor))
    ahead, behind, norm = (np.zeros(half.shape) for _ in range(3))
    for x, weight in _COARSE:
        c, s, _ = _waves(square * x**2)
        u = (c + floor * x * s) * scale
        ahead += weight * np.exp(half * x) * u
        behind += weight * np.exp(-half * x) * u
        norm += weight * u**2
    return ahead * behind / norm, rate


def _waves(square: Floats) -> tuple[Floats, Floats, Floats]:
    """Return cos(b), sin(b)/b and the slope of the latter in b^2; hyperbolic for b^2 < 0."""
    b = np.sqrt(np.abs(square))
    near = b < 0.02
    safe = np.where(near, 1.0, b)
    real = square >= 0.0
    c = np.where(real, np.cos(b), np.cosh(np.where(real, 0.0, b)))
    s = np.where(real, np.sin(safe), np.sinh(np.where(real, 0.0, safe))) / safe
    s = np.where(near, 1.0 - square / 6.0 + square**2 / 120.0, s)
    signed = np.where(near, 1.0, square)
    slope = np.where(near, -1.0 / 6.0 + square / 60.0, (c - s) / (2.0 * signed))
    return c, s, slope


# --- short times: no top -------------------------------------------------------------------------


def _by_short_time(half: Floats, biot: Floats, loss: Floats, tau: Floats) -> Floats:
    """Integrate the flux into the floor of a column without a top.

    The flux is p erfc(-p r) + (B - p) exp(-p^2 t) erfcx((B - p) r) with r = sqrt(t). It turns
    at r near 1/B, so the nodes are spread by a hyperbolic sine of that width.
    """
    root = np.sqrt(tau)
    steep = np.clip(biot * root, 1e-3, 1e8)
    spread = np.arcsinh(steep)
    total = np.zeros(tau.shape)
    for x, weight in _FINE:
        w = np.sinh(spread * x) / steep
        r = w * root
        flux = half * erfc(-half * r) + (biot - half) * np.exp(-((half * r) ** 2)) * erfcx(
            (biot - half) * r
        )
        jacobian = 2.0 * tau * w * spread * np.cosh(spread * x) / steep
        total += weight * jacobian * flux * np.exp(-loss * r**2)
    return total


# --- fast settling: inversion of the Laplace transform -------------------------------------------


def flux_transforms(half: Floats, leak: Floats | Waves, shifted: Waves) -> tuple[Waves, Waves]:
    """Return Laplace transforms of the flux into the floor, in units of D / L^2.

    Of what was spread evenly through the column at time 0, and of what was let go at the floor
    then. ``leak`` is the inverse Biot number, 0 for a perfect sink. It may depend on the variable
    of the transform: then the floor has a memory, as one from which what was bound comes off.

    Parameters
    ----------
    half : array
        Half the Peclet number, ``p``.
    leak : array
        ``1 / B``.
    shifted : array
        Variable of the transform plus the loss, both in units of D / L^2; not 0.

    References
    ----------
    ``q^2 = s + p^2``; both fluxes have the denominator ``cosh q + (s / B + p) sinh q / q``, the
    first the numerator ``(2 p cosh q + (s + 2 p^2) sinh q / q - 2 p exp p) / s``, the second
    ``cosh q + p sinh q / q`` (``docs/methods/dish.md``).
    """
    q = np.sqrt(shifted + half**2)
    ahead = np.exp(half - q)
    down = ahead * np.exp(-half)  # an exponential costs more than a product
    wave, over = 1.0 + down**2, (1.0 - down**2) / q
    below = wave + (shifted * leak + half) * over
    above = 2.0 * half * wave + (shifted + 2.0 * half**2) * over
    above = above - 4.0 * half * ahead
    return above / (shifted * below), (wave + half * over) / below


def _total(half: Floats, biot: Floats, loss: Floats) -> Floats:
    """Return the share taken after infinite time."""
    leak = 1.0 / np.maximum(biot, _SEALED)
    flux, _ = flux_transforms(half, leak, np.asarray(loss, np.complex128))
    return np.where(biot > 0.0, flux.real, 0.0)


def _by_inversion(half: Floats, biot: Floats, loss: Floats, tau: Floats) -> Floats:
    """Return the share taken, from its Laplace transform."""
    total, leak = np.zeros(tau.shape), 1.0 / np.maximum(biot, _SEALED)
    for weight, node in zip(*euler_nodes(_EULER), strict=True):
        s = node / tau
        total += np.real(weight * flux_transforms(half, leak, s + loss)[0] / s)
    return total / tau
