"""What theory says of particles in and around a tube, and of particles that bind.

The engine never calls these; tests, `verify` and pages compare with them.

References
----------
.. [1] Carslaw and Jaeger, "Conduction of heat in solids" (1959), section 7.6 to 7.7: the cylinder
   with a given temperature and with radiation at its surface.
.. [2] Stehfest, "Numerical inversion of Laplace transforms", Commun. ACM 13 (1970).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import optimize, sparse, special

from exosome.numerics.brownian.exact import crank_nicolson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.numerics.brownian.binding import Binding

    Floats = NDArray[np.float64]

_special, _sparse, _optimize = cast("Any", special), cast("Any", sparse), cast("Any", optimize)
_TERMS = 60


def left_in_tube(
    start_um: float, time_s: float, radius_um: float, diffusivity: float, uptake: float = math.inf
) -> float:
    """Return the share still free inside a tube whose wall takes up and lets nothing through.

    ``sum 2 h/(b^2 + h^2) J0(b r/R)/J0(b) exp(-b^2 D t/R^2)`` over the roots of ``b J1(b) = h
    J0(b)`` with ``h = u R/D``; for a wall that takes all, over the zeros of ``J0``,
    ``2 J0(b r/R)/(b J1(b))``. Sixty terms: not for times below ``1e-4 R^2/D``.
    """
    j0, j1 = _special.j0, _special.j1
    zeros = _special.jn_zeros(0, _TERMS)
    if math.isinf(uptake):
        b = zeros
        weight = 2.0 / (b * j1(b))
    else:
        h = uptake * radius_um / diffusivity
        edges = np.concatenate([[0.0], _special.jn_zeros(1, _TERMS)])
        # One root lies between each zero of J1 and the next zero of J0.

        def misses(x: float) -> float:
            return float(x * j1(x) - h * j0(x))

        b = np.array(
            [
                _optimize.brentq(misses, low + 1e-12, high)
                for low, high in zip(edges, zeros, strict=False)
            ]
        )
        weight = 2.0 * h / ((b * b + h * h) * j0(b))
    late = np.exp(-((b / radius_um) ** 2) * diffusivity * time_s)
    return float(np.sum(weight * j0(b * start_um / radius_um) * late))


def shares_at_tube(  # noqa: PLR0913  (the numbers of one problem)
    starts_um: Floats, time_s: float, radius_um: float, diffusivity: float, permeability: float,
    uptake: float, far_um: float, *, points: int = 800, steps: int = 600,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the shares that are inside at a time, and that the wall took, by start.

    Parameters
    ----------
    starts_um : array, shape (start,)
        Distance from the axis.
    far_um : float
        Radius of a reflecting outer boundary.

    Notes
    -----
    Finite volumes in the radius, finest at both sides of the wall, and Crank-Nicolson in time;
    the wall is a conductance between the two cells that it parts.
    """
    x = (np.arange(points + 1) / points) ** 2
    inner = radius_um * (1.0 - x[::-1])
    edges = np.concatenate([inner, radius_um + (far_um - radius_um) * x[1:]])
    middle = 0.5 * (edges[1:] + edges[:-1])
    volume = 0.5 * (edges[1:] ** 2 - edges[:-1] ** 2)
    resistance = np.diff(middle) / diffusivity
    wall = points - 1  # the link between the last cell inside and the first outside
    near = np.array([radius_um - middle[wall], middle[wall + 1] - radius_um])
    conductance = edges[1:-1] / resistance
    main = np.zeros(middle.size)
    if math.isinf(uptake):
        conductance[wall] = 0.0
        taken = radius_um * diffusivity / near
    else:
        # From each cell to its side of the wall D/near; there u to the wall, P to the other side.
        # The potential at the two sides is eliminated: a star of conductances.
        reach = diffusivity / near
        own = np.array([reach[0] + uptake + permeability, reach[1] + uptake + permeability])
        det = own[0] * own[1] - permeability**2
        conductance[wall] = radius_um * permeability * reach[0] * reach[1] / det
        to_both = np.array(
            [
                reach[0] * (reach[0] * own[1]) / det,
                reach[1] * (reach[1] * own[0]) / det,
            ]
        )
        taken = radius_um * (reach - to_both) - conductance[wall]
    main[:-1] -= conductance
    main[1:] -= conductance
    main[wall] -= taken[0]
    main[wall + 1] -= taken[1]
    main /= volume
    up, down = conductance / volume[:-1], conductance / volume[1:]
    matrix = _sparse.diags_array([up, main, down], offsets=[1, 0, -1], format="csc")
    none = np.zeros(middle.size)
    inside = crank_nicolson(
        matrix, (middle < radius_um).astype(np.float64), none, time_s, steps=steps
    )
    alive = crank_nicolson(matrix, none + 1.0, none, time_s, steps=steps)
    # Not across the wall, where both jump.
    both = np.empty((starts_um.size, 2))
    for i, start in enumerate(starts_um):
        side = (middle < radius_um) == (start < radius_um)
        for j, w in enumerate((inside, 1.0 - alive)):
            both[i, j] = np.interp(start, middle[side], w[side])
    return both[:, 0], both[:, 1]


def free_time(binding: Binding, time_s: float) -> float:
    """Return for how long a particle that starts free has moved, on average, after a time.

    The mean square way is ``6 D`` times it. Exponential waits: closed form. Heavy tails: the
    probability to be free has the Laplace transform ``1/(s + k (1 - w(s)))`` with ``1 - w(s) =
    e^x x^a Gamma(1 - a, x)``, ``x = s/r``, for ``0 < a < 1`` and no longest wait, inverted by
    Stehfest's sum of 14 terms (1e-4 of it).
    """
    k, r, a = binding.bind_per_s, binding.release_per_s, binding.exponent
    if math.isinf(a):
        rate = k + r
        return r / rate * time_s - k / rate**2 * math.expm1(-rate * time_s)

    def transform(s: float) -> float:
        x = s / r
        late = float(_special.gammaincc(1.0 - a, x)) * math.gamma(1.0 - a)
        # e^x grows beyond floats where Gamma(1 - a, x) vanishes; then 1 - w(s) is one.
        held = math.exp(x) * x**a * late if x < 500.0 else 1.0
        return 1.0 / (s * (s + k * held))

    terms = 14
    half = terms // 2
    total = 0.0
    for i in range(1, terms + 1):
        weight = sum(
            j**half * math.factorial(2 * j)
            / (
                math.factorial(half - j) * math.factorial(j) * math.factorial(j - 1)
                * math.factorial(i - j) * math.factorial(2 * j - i)
            )
            for j in range((i + 1) // 2, min(i, half) + 1)
        )  # fmt: skip
        total += (-1) ** (half + i) * weight * transform(i * math.log(2.0) / time_s)
    return math.log(2.0) / time_s * total
