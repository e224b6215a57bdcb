"""Errors that say where, what and how to mend it."""

from __future__ import annotations


class ExosomeError(Exception):
    """Base of every error raised on purpose by this package.

    Parameters
    ----------
    what : str
        What is wrong, in one clause.
    where : str
        File and key, or the step, at which it was found.
    remedy : str
        What the reader can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(f"{where}: {what}\n  Remedy: {remedy}")


class InputError(ExosomeError):
    """A file, option or value given by the user cannot be used."""


class UnitMismatchError(InputError):
    """A quantity does not have the unit that its place needs."""


class MissingRecordError(InputError):
    """The catalog has no record for a number that the question needs."""


class CatalogError(ExosomeError):
    """A catalog file breaks the rules of the catalog."""


class BalanceError(ExosomeError):
    """Vesicles or copies were lost or made: a defect of the program, never of the input."""

    exit_code = 3


class NumericalError(ExosomeError):
    """A computation did not reach its stated accuracy."""

    exit_code = 3
