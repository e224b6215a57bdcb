"""Reading scenario files: which keys there may be follows from the model, so it is said once."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from exosome.core.errors import InputError
from exosome.core.files import check_keys, parse_toml, read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

M = TypeVar("M", bound=BaseModel)


def read_tables(name_or_file: str, bundled: Collection[str]) -> tuple[dict[str, object], str]:
    """Return the tables of a bundled scenario or of a TOML file, and its name for errors.

    Raises
    ------
    InputError
        The file cannot be read, or is no TOML.
    """
    if name_or_file in bundled:
        where = f"{name_or_file}.toml"
        text = files("exosome.study").joinpath(f"scenarios/{where}").read_text("utf-8")
    else:
        text = read_text(Path(name_or_file), where="scenario")
        where = Path(name_or_file).name
    return parse_toml(text, name=where), where


def scenario_of(
    model: type[M], table: Mapping[str, object], *, where: str, remedy: str = "mend this value"
) -> M:
    """Return the scenario that a table of tables describes.

    Raises
    ------
    InputError
        An unknown key, with the nearest valid one, or a value that is wrong.
    """
    check_keys(table, model.model_fields, where)
    for key, value in table.items():
        field = model.model_fields[key]
        inner = _model_in(field.annotation)
        if inner is None:
            continue
        if isinstance(value, dict):
            check_keys(cast("dict[str, object]", value), inner.model_fields, f"{where} [{key}]")
        elif isinstance(value, list):
            for number, one in enumerate(cast("list[object]", value), 1):
                if isinstance(one, dict):
                    named = f"{where} {key} {number}"
                    check_keys(cast("dict[str, object]", one), inner.model_fields, named)
    try:
        return model.model_validate(table)
    except ValidationError as found:
        fault = found.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise InputError(
            fault["msg"].removeprefix("Value error, "),
            where=f"{where} {key}".rstrip(),
            remedy=remedy,
        ) from None


def read_scenario_file(
    model: type[M], name_or_file: str, *, bundled: Collection[str], remedy: str
) -> M:
    """Return a bundled scenario, or the one in a TOML file.

    Parameters
    ----------
    model : type
        What the file must hold; tables and lists of tables are models of their own in it.
    bundled : collection of str
        Names that mean ``study/scenarios/NAME.toml``; anything else is a file.
    remedy : str
        What a person does about a wrong value.

    Raises
    ------
    InputError
        The file cannot be read, or a key or value in it is wrong.
    """
    table, where = read_tables(name_or_file, bundled)
    return scenario_of(model, table, where=where, remedy=remedy)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds: itself, one or none of it, or several in a row."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is dict:
        return None
    return next((m for part in get_args(annotation) if (m := _model_in(part)) is not None), None)
