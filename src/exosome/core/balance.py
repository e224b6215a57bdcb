"""The balance sheet: where every vesicle and every copy ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from exosome.core.errors import BalanceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

# What is left after a subtraction may fall this far below zero, relative to
# what was given, by rounding alone: a few thousand times the float64 epsilon.
_ROUNDING = 1e-12


class BalanceRow(NamedTuple):
    """One line of a balance sheet as a report shows it.

    ``share`` is the mean amount over the mean given, so that shares add up to one.
    """

    place: str
    mean: float
    median: float
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class BalanceSheet:
    """What became of one counted thing.

    The sheet is a value: `put` returns a new one. Arrays are copied and locked,
    so that a caller who goes on working with its own cannot change the record.

    Parameters
    ----------
    thing : str
        What is counted: ``"vesicle"``, ``"copy"``.
    given : float or array of shape (draw,)
        The amount at the start, finite and not negative.
    places : tuple of (str, array)
        Filled by `put`.

    Examples
    --------
    >>> sheet = BalanceSheet("vesicle", 100.0).put("liver", 70.0).put("urine", 30.0)
    >>> [(row.place, row.share) for row in sheet.close().rows()]
    [('liver', 0.7), ('urine', 0.3)]
    """

    thing: str
    given: NDArray[np.float64]
    places: tuple[tuple[str, NDArray[np.float64]], ...] = ()

    def __init__(
        self,
        thing: str,
        given: ArrayLike,
        places: tuple[tuple[str, NDArray[np.float64]], ...] = (),
    ) -> None:
        object.__setattr__(self, "thing", thing)
        object.__setattr__(self, "places", places)
        locked = self._locked(given, "given")
        if (locked < 0.0).any():
            raise self._broken(f"the amount given is negative ({locked.min():.6g})")
        object.__setattr__(self, "given", locked)

    def put(self, place: str, amount: ArrayLike) -> BalanceSheet:
        """Return the sheet with ``amount`` of the thing in ``place``.

        Parameters
        ----------
        place : str
            A name not used before on this sheet.
        amount : float or array of shape (draw,)
            One amount for all draws, or one for each. May lie below zero by
            no more than the rounding of a subtraction, 1e-12 of what was given.

        Raises
        ------
        BalanceError
            If the amount is negative, not finite or of another shape than what
            was given, or if the place is filled already.
        """
        if any(name == place for name, _ in self.places):
            raise self._broken(f"place {place!r} is filled twice")
        locked = self._locked(amount, place)
        if locked.shape not in ((), self.given.shape):
            raise self._broken(
                f"place {place!r} has shape {locked.shape}, what was given {self.given.shape}"
            )
        if (locked < -_ROUNDING * self.given).any():
            raise self._broken(f"place {place!r} holds a negative amount ({locked.min():.6g})")
        return replace(self, places=(*self.places, (place, locked)))

    def gap(self) -> float:
        """Return the largest share of what was given that is lost or made, over all draws.

        Where nothing was given the gap is zero, or infinite if something was found.
        """
        return float(self._gaps().max(initial=0.0))

    def close(self, tolerance: float = 1e-9) -> BalanceSheet:
        """Return the sheet itself if everything given is accounted for.

        Raises
        ------
        BalanceError
            If `gap` exceeds ``tolerance``; it names the worst draw, what is
            missing there and what each place holds.
        """
        if self.gap() <= tolerance:
            return self
        import numpy as np

        worst = int(np.argmax(self._gaps()))
        missing = float(np.ravel(self.given - self._found())[worst])
        given = float(np.ravel(self.given)[worst])
        shape = self.given.shape
        held = ", ".join(
            f"{name} {float(np.ravel(np.broadcast_to(amount, shape))[worst]):.6g}"
            for name, amount in self.places
        )
        draw = f" in draw {worst}" if self.given.shape else ""
        raise self._broken(
            f"{abs(missing):.6g} of {given:.6g} {'lost' if missing > 0 else 'made'}{draw}"
            f" (places: {held or 'none'})"
        )

    def rows(self) -> list[BalanceRow]:
        """Return one row for each place, in the order in which they were filled."""
        import numpy as np

        mean_given = float(np.mean(self.given))
        rows: list[BalanceRow] = []
        for place, amount in self.places:
            mean = float(np.mean(amount))
            share = mean / mean_given if mean_given else 0.0
            rows.append(BalanceRow(place, mean, float(np.median(amount)), share))
        return rows

    def _found(self) -> NDArray[np.float64]:
        import numpy as np

        found = np.zeros(self.given.shape)
        for _, amount in self.places:
            found = found + amount
        return found

    def _gaps(self) -> NDArray[np.float64]:
        import numpy as np

        difference = np.ravel(np.abs(self.given - self._found()))
        given = np.ravel(self.given)
        where_nothing = np.where(difference > 0.0, np.inf, 0.0)
        return np.divide(difference, given, out=where_nothing, where=given > 0.0)

    def _locked(self, amount: ArrayLike, place: str) -> NDArray[np.float64]:
        import numpy as np  # deferred: core is imported by every command, arrays are not

        locked = np.array(amount, dtype=np.float64)
        if not np.all(np.isfinite(locked)):
            raise self._broken(f"{place!r} holds an amount that is not finite")
        locked.setflags(write=False)
        return locked

    def _broken(self, what: str) -> BalanceError:
        return BalanceError(
            what,
            where=f"balance of {self.thing}",
            remedy="this is a defect of the program: report it with the command and the seed",
        )
