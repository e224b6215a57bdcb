"""Record files that come with the program: TOML checked against a model."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, TypeVar

from exosome.core.errors import CatalogError

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)


def read_records(text: str, model: type[Model], *, what: str, where: str, fields_of: str) -> Model:
    """Return the records in a TOML text.

    Parameters
    ----------
    what : str
        The file in words, such as ``"the docket"``.
    where : str
        Its name, for the error.
    fields_of : str
        Where a reader finds the fields of one record.

    Raises
    ------
    CatalogError
        If the text is not TOML or a record breaks a rule.
    """
    from pydantic import ValidationError  # deferred: core imports without it

    try:
        return model.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as fault:
        raise CatalogError(
            f"{what} cannot be used: {fault}",
            where=where,
            remedy=f"mend the entry; its fields are those of {fields_of}",
        ) from fault
