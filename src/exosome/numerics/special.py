"""Special functions with types.

SciPy ships no type stubs, so its ufuncs are named here once; every other module
imports them from this one. All broadcast and return float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from scipy import special

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class _OneArgument(Protocol):
    def __call__(self, x: ArrayLike, /) -> NDArray[np.float64]: ...


class _TwoArguments(Protocol):
    def __call__(self, a: ArrayLike, x: ArrayLike, /) -> NDArray[np.float64]: ...


class _ThreeArguments(Protocol):
    def __call__(self, a: ArrayLike, b: ArrayLike, x: ArrayLike, /) -> NDArray[np.float64]: ...


# The one place where SciPy's missing types are let in.
_untyped: Any = special

stdtrit: _TwoArguments = _untyped.stdtrit  # quantile of Student's t at a degrees of freedom
gammaln: _OneArgument = _untyped.gammaln  # ln |Gamma(x)|
ndtr: _OneArgument = _untyped.ndtr  # normal distribution function
ndtri: _OneArgument = _untyped.ndtri  # its inverse
erfc: _OneArgument = _untyped.erfc  # complementary error function
erfcx: _OneArgument = _untyped.erfcx  # the same times exp(x^2)
log_ndtr: _OneArgument = _untyped.log_ndtr  # its logarithm, also far in the tail
k1e: _OneArgument = _untyped.k1e  # modified Bessel K1 times exp(x)
betaln: _TwoArguments = _untyped.betaln  # ln B(a, b), accurate for large arguments
gammainc: _TwoArguments = _untyped.gammainc  # regularised lower P(a, x)
gammaincc: _TwoArguments = _untyped.gammaincc  # regularised upper Q(a, x)
gammaincinv: _TwoArguments = _untyped.gammaincinv  # x with P(a, x) = second argument
betainc: _ThreeArguments = _untyped.betainc  # regularised I_x(a, b)
betaincc: _ThreeArguments = _untyped.betaincc  # 1 - I_x(a, b)
betaincinv: _ThreeArguments = _untyped.betaincinv  # x with I_x(a, b) = third argument
betainccinv: _ThreeArguments = _untyped.betainccinv  # x with 1 - I_x(a, b) = third argument


def gamma_nodes(cv: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights for means over a gamma law of mean 1 and spread ``cv``.

    Generalised Gauss-Laguerre: exact for polynomials below degree ``2 count``. One node of
    weight 1 for ``cv = 0``.
    """
    import numpy as np

    if cv <= 0.0:
        return np.ones(1), np.ones(1)
    shape = cv**-2.0
    nodes, weights = _untyped.roots_genlaguerre(count, shape - 1.0)
    return nodes / shape, weights / weights.sum()
