"""Plain-text search over the catalog."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exosome.catalog.record import Sourced

_WORD = re.compile(r"[^\W_]+")
_WHOLE_WORD = 2


def search(catalog: Mapping[str, Sourced], words: str | Iterable[str]) -> list[Sourced]:
    """Return the records in which every word occurs, best first.

    A word matches any word of the record that begins with it, whatever the
    case. Records are ranked by where the words stand (id, quantity and role
    before cells, source and note) and by whole words before beginnings; equal
    ones keep the catalog's order. No words give no records.
    """
    wanted = _words(words if isinstance(words, str) else " ".join(words))
    if not wanted:
        return []
    ranked = [(score, record) for record in catalog.values() if (score := _score(record, wanted))]
    ranked.sort(key=lambda pair: -pair[0])
    return [record for _, record in ranked]


def _score(record: Sourced, wanted: list[str]) -> int:
    # What a hit is worth by where it stands: a name weighs more than a remark.
    places = (
        (16, record.id),
        (8, record.quantity),
        (8, record.role),
        (4, " ".join(record.applies_to)),
        (2, f"{record.citation} {record.rival}"),
        (1, f"{record.method} {record.note}"),
    )
    held = [(weight, _words(text)) for weight, text in places]
    total = 0
    for word in wanted:
        worth = max(
            weight * (_WHOLE_WORD if word in here else 1) if _begins(here, word) else 0
            for weight, here in held
        )
        if not worth:
            return 0
        total += worth
    return total


def _begins(words: list[str], start: str) -> bool:
    return any(word.startswith(start) for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
