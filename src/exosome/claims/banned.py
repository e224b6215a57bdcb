"""Words that nothing the program prints may use, unless someone is quoted or it is denied."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What the word would have to be followed by for "validated" to say anything.
_OBJECT = r"(?!\s+(?:against|by|for|in|on|as|to)\b)"
_BANNED: dict[str, tuple[str, str]] = {
    "proven": (r"proven", "say what was shown, in whom, by which study"),
    "safe": (r"safe(?:ly)?(?![\w-])", "say which harm was looked for, in how many, and the bound"),
    "cures": (
        r"cures|cured|(?:will|can|may|could) cure",
        "say which outcome changed, by how much, against what",
    ),
    "FDA-approved": (
        r"FDA[-\s\u2010\u2011]+(?:approved|cleared|compliant)|approved\s+by\s+(?:the\s+)?FDA",
        "name the licence: product, indication, date",
    ),
    "validated": (
        rf"validated{_OBJECT}|clinical(?:ly)?[-\s]+(?:grade|proven|validated)",
        "say against what it was validated",
    ),
}
_DENIED = re.compile(
    r"\b(?:no|not|never|nor|neither|without|nothing|cannot|untrue that)\b(?!\s+only)"
    r"(?:\W+\w+){0,3}\W*$",
    re.IGNORECASE,
)
_HTML_QUOTES = re.compile(
    r"<(q|blockquote|script|style|code|pre)\b[^>]*>.*?</\1\s*>"
    r"|<(\w+)\b[^>]*\bclass=\"[^\"]*\bquoted\b[^\"]*\"[^>]*>.*?</\2\s*>",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(?:\w|/|!)[^<>]*>")
# A quotation is short and stays in its paragraph; a stray mark must not hide a page.
_QUOTES = re.compile(
    r"\u201c[^\u201c\u201d]{1,400}\u201d|\"[^\"\n]{1,400}\"|\u00ab[^\u00bb]{1,400}\u00bb"
)


@dataclass(frozen=True, slots=True)
class BannedWord:
    """One banned word: where it stands, its surroundings, and what to write instead."""

    word: str
    line: int
    context: str
    instead: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.word!r} in \u2018{self.context}\u2019; {self.instead}"


def banned_words(text: str) -> list[BannedWord]:
    """Return each use of a banned word that is neither quoted nor denied.

    Quoted means within double quotation marks, or in HTML within ``q``,
    ``blockquote`` or an element of class ``quoted``; code, scripts and style sheets are
    not prose and are passed over. Denied means that a negation stands at most three
    words before. "Validated against X" names its object and passes; "validated" alone
    does not. Words are matched whole: "unproven" and "safety" pass. The words of a
    law ("safe, pure and potent") must be marked as a quotation like any other.
    """
    bare = text
    for pattern in (_HTML_QUOTES, _TAG, _QUOTES):
        bare = pattern.sub(_blanked, bare)
    found: list[tuple[int, BannedWord]] = []
    for word, (pattern, instead) in _BANNED.items():
        for match in re.finditer(rf"(?<![\w-])(?:{pattern})(?!\w)", bare, re.IGNORECASE):
            sentence = re.split(r"[.!?;:]\s", bare[: match.start()])[-1]
            if _DENIED.search(sentence):
                continue
            start, end = max(0, match.start() - 40), match.end() + 40
            around = " ".join(bare[start:end].split())
            line = bare.count("\n", 0, match.start()) + 1
            found.append((match.start(), BannedWord(word, line, around, instead)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _blanked(match: re.Match[str]) -> str:
    """Return as many lines as the match had, so that line numbers stay right."""
    return " " + "\n" * match.group().count("\n")
