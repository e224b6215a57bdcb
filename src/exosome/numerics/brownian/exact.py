"""What theory says of particles near one sphere: closed forms, and a solver where there is none.

The engine never calls these; tests, `verify` and pages compare with them.

References
----------
.. [1] Smoluchowski (1917): rate and transient of an absorbing sphere.
.. [2] Collins and Kimball (1949): the sphere that takes up a part of what touches it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse, special
from scipy.sparse import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_special = cast("Any", special)  # SciPy ships no types


def absorbed(
    start_um: float, time_s: float, radius_um: float, diffusivity: float,
    permeability: float = math.inf,
) -> float:  # fmt: skip
    """Return the share of particles taken up by a sphere until a time, alone in free space.

    ``(R/r) erfc((r - R) / sqrt(4 D t))`` for a sphere that takes all; with a permeability ``k``
    and ``h = 1/R + k/D``, Collins and Kimball's
    ``(R/r) kR/(kR + D) [erfc(s) - exp(h (r - R) + h^2 D t) erfc(s + h sqrt(D t))]``.
    """
    s = (start_um - radius_um) / math.sqrt(4.0 * diffusivity * time_s)
    ratio = radius_um / start_um
    if math.isinf(permeability):
        return ratio * math.erfc(s)
    h = 1.0 / radius_um + permeability / diffusivity
    w = h * math.sqrt(diffusivity * time_s)
    # exp(h (r-R) + h^2 D t) erfc(s + w) = exp(-s^2) erfcx(s + w): no overflow.
    late = math.exp(-s * s) * float(_special.erfcx(s + w))
    share = permeability * radius_um / (permeability * radius_um + diffusivity)
    return ratio * share * (math.erfc(s) - late)


def steady_rate(radius_um: float, diffusivity: float, permeability: float = math.inf) -> float:
    """Return uptake per concentration of one sphere in the steady state, um3/s: 4 pi D R."""
    full = 4.0 * math.pi * diffusivity * radius_um
    if math.isinf(permeability):
        return full
    return full * permeability * radius_um / (permeability * radius_um + diffusivity)


def caught_in_drift(
    start_um: float, cosine: float, radius_um: float, diffusivity: float, speed: float
) -> float:
    """Return the share ever caught by an absorbing sphere through which a uniform drift goes.

    ``cosine`` is that of the angle between the drift and the start as seen from the centre.
    With ``b = v / 2D``: ``exp(-b r cos) sum (2l+1) i_l(bR) k_l(b r) / k_l(bR) P_l(cos)``, from
    ``D lap h + v . grad h = 0`` with one on the sphere and zero far away.
    """
    b = speed / (2.0 * diffusivity)
    total = 0.0
    for order in range(80):
        inner = float(_special.spherical_in(order, b * radius_um))
        ratio = float(
            _special.spherical_kn(order, b * start_um) / _special.spherical_kn(order, b * radius_um)
        )
        term = (2 * order + 1) * inner * ratio * float(_special.eval_legendre(order, cosine))
        total += term
        if order > 3 and abs((2 * order + 1) * inner * ratio) < 1e-14:
            break
    return math.exp(-b * start_um * cosine) * total


def moment(
    order: int,
    start_um: float,
    time_s: float,
    radius_um: float,
    diffusivity: float,
    permeability: float = math.inf,
    *,
    points: int = 1500,
) -> float:
    """Return the mean of ``P_order(cosine)`` over all particles, those taken up counting zero.

    ``cosine`` is that of the angle between the start and the place at ``time_s``. The mean as a
    function of the start obeys ``w_t = D (w'' + 2 w'/r - l (l+1) w / r^2)``, one at the start,
    zero (or ``D w' = k w``) at the surface. Solved on a grid that is finest at the surface; the
    order 0 is known in closed form and shows its error.
    """
    far = start_um + 8.0 * math.sqrt(2.0 * diffusivity * time_s)
    x = np.linspace(0.0, 1.0, points)
    r = radius_um + (far - radius_um) * (np.exp(4.0 * x) - 1.0) / (math.exp(4.0) - 1.0)
    edges = 0.5 * (r[1:] + r[:-1])
    conductance = diffusivity * edges**2 / np.diff(r)
    bounds = np.concatenate([[r[0]], edges, [r[-1]]])
    volume = np.diff(bounds**3) / 3.0
    main = np.zeros(points)
    main[:-1] -= conductance
    main[1:] -= conductance
    if not math.isinf(permeability):
        main[0] -= permeability * radius_um**2
    main = main / volume - diffusivity * order * (order + 1) / r**2
    up, down = conductance / volume[:-1], conductance / volume[1:]
    start = np.ones(points)
    if math.isinf(permeability):
        start[0] = main[0] = up[0] = 0.0
    matrix = cast("Any", sparse).diags_array([up, main, down], offsets=[1, 0, -1], format="csc")
    w = crank_nicolson(matrix, start, np.zeros(points), time_s, steps=600)
    return float(np.interp(start_um, r, w))


def crank_nicolson(
    operator: Any, start: Floats, source: Floats, time_s: float, *, steps: int
) -> Floats:
    """Return ``w`` of ``w' = operator w + source`` after a time.

    Two steps are taken implicitly in halves, which damps the jump at a surface.
    """
    dt = time_s / steps
    eye = cast("Any", sparse).identity(start.size, format="csc")
    implicit = cast("Any", linalg).splu((eye - 0.5 * dt * operator).tocsc())
    w = start
    for _ in range(4):
        w = implicit.solve(w + 0.5 * dt * source)
    for _ in range(steps - 2):
        w = implicit.solve(w + 0.5 * dt * (operator @ w) + dt * source)
    return w


def caught_in_stream(
    starts_um: Floats,
    time_s: float,
    radius_um: float,
    diffusivity: float,
    speed: float,
    *,
    orders: int = 24,
    points: int = 240,
    steps: int = 200,
) -> Floats:
    """Return the share caught by an absorbing sphere in creeping flow, by start and within a time.

    Parameters
    ----------
    starts_um : array, shape (start, 2)
        Distance from the centre, and the cosine of the angle to the stream.

    Notes
    -----
    The share obeys the backward equation ``h_t = D lap h + v . grad h``, one on the sphere.
    Legendre polynomials in the angle, finite differences in the logarithm of the distance,
    Crank-Nicolson in time after four implicit half-steps; halving every step moves the
    figures in `verify` by less than 1e-3 of them.
    """
    untyped = cast("Any", sparse)  # SciPy ships no types
    matrix_of, joined, identity = untyped.diags_array, untyped.block_array, untyped.identity
    far = starts_um[:, 0].max() + speed * time_s + 8.0 * math.sqrt(2.0 * diffusivity * time_s)
    grid = np.linspace(0.0, math.log(far / radius_um), points + 2)
    r = radius_um * np.exp(grid[1:-1])
    h = grid[1] - grid[0]
    # d/dr = (1/r) d/ds; the outer boundary is zero, the inner one is the source.
    first = matrix_of([-np.ones(points - 1), np.ones(points - 1)], offsets=[-1, 1]) / (2.0 * h)
    second = (
        matrix_of(
            [np.ones(points - 1), -2.0 * np.ones(points), np.ones(points - 1)], offsets=[-1, 0, 1]
        )
        / h**2
    )  # fmt: skip
    a = radius_um / r
    f = 1.0 - 1.5 * a + 0.5 * a**3
    half = 0.5 * (1.5 * a - 1.5 * a**3)  # r f' / 2
    radial, angular = speed * f / r, -speed * (f + half) / r
    blocks: list[list[Any]] = [[None] * orders for _ in range(orders)]
    source = np.zeros((orders, points))
    inner = np.zeros(points)
    for order in range(orders):
        laplace = matrix_of([diffusivity / r**2], offsets=[0]) @ (
            second + first - order * (order + 1) * identity(points)
        )
        blocks[order][order] = laplace
        if order == 0:
            inner[0] = diffusivity / r[0] ** 2 * (1.0 / h**2 - 1.0 / (2.0 * h))
            source[0] += inner
        # cos P_l = ((l+1) P_{l+1} + l P_{l-1}) / (2l+1)
        # sin dP_l/dtheta = l (l+1)/(2l+1) (P_{l+1} - P_{l-1})
        for to, cos_part, sin_part in (
            (order + 1, (order + 1) / (2 * order + 1), order * (order + 1) / (2 * order + 1)),
            (order - 1, order / (2 * order + 1), -order * (order + 1) / (2 * order + 1)),
        ):
            if not 0 <= to < orders:
                continue
            part = matrix_of([radial * cos_part], offsets=[0]) @ first + matrix_of(
                [angular * sin_part], offsets=[0]
            )
            blocks[to][order] = part if blocks[to][order] is None else blocks[to][order] + part
            if order == 0:
                source[to][0] -= radial[0] * cos_part / (2.0 * h)
    operator = joined(blocks, format="csc")
    w = crank_nicolson(operator, np.zeros(orders * points), source.ravel(), time_s, steps=steps)
    modes = cast("Floats", w.reshape(orders, points))
    out = np.zeros(len(starts_um))
    for order in range(orders):
        along = cast("Floats", np.interp(starts_um[:, 0], np.asarray(r), modes[order]))
        out += along * np.asarray(_special.eval_legendre(order, starts_um[:, 1]))
    return out
