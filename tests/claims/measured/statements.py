"""A statement of a text with its numbers left open, and the numbers as `results/` has them now."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from experiments.engine.registry import ROOT
from experiments.engine.store import load

FIELD = "{}"
NUMBER = re.compile(r"(?<![A-Za-z_\d.])\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[-+]?\d+)?")
"""A number that is no part of a name as D4 or `log_2`."""

Statements = Iterator[tuple[str, ...]]
MADE: dict[str, list[Callable[[], Statements]]] = {}
"""Place → the functions that make its statements."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """`phrase` holds a `{}` for each of `values`; other braces stand for themselves."""

    phrase: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self._pieces())

    def fields(self) -> list[tuple[int, int]]:
        """Where in `text` the values are."""
        spans, end = [], 0
        for piece, is_value in self._pieces():
            if is_value:
                spans.append((end, end + len(piece)))
            end += len(piece)
        return spans

    def places(self, text: str) -> list[int]:
        """Where it starts in `text`, never within a longer number."""
        words = re.escape(self.text)
        return [m.start() for m in re.finditer(rf"(?<![\d.]){words}(?!\d|[.,]\d)", text)]

    def nearest(self, text: str) -> str:
        """What `text` says in its place: the same words with other numbers, or else what is most alike."""
        words = r"(\S+?)".join(map(re.escape, self.phrase.split(FIELD)))
        if found := re.search(rf"{words}(?!\d|[.,]\d)", text):
            return found[0]
        match = SequenceMatcher(None, text, self.text, autojunk=False).find_longest_match()
        start = max(match.a - match.b, 0)
        return text[start : start + len(self.text)]

    def _pieces(self) -> Iterator[tuple[str, bool]]:
        parts = self.phrase.split(FIELD)
        if len(parts) != len(self.values) + 1:
            raise ValueError(f"{len(parts) - 1} fields, {len(self.values)} values: {self.phrase!r}")
        for part, value in zip(parts, (*self.values, ""), strict=True):
            yield part, False
            yield value, True


def says(place: str):
    """Mark a function that yields `(phrase, *values)` of one place: a claim's label, README or a caption."""

    def mark(function):
        MADE.setdefault(place, []).append(function)
        return function

    return mark


@cache
def statements(place: str) -> list[Statement]:
    """All statements about a place, computed from `results/`."""
    return [
        Statement(phrase=flat(phrase), values=tuple(values))
        for function in MADE[place]
        for phrase, *values in function()
    ]


@cache
def results(name: str):
    """A results file of this checkout."""
    return load(ROOT / "results" / f"{name}.nc")


def flat(text: str) -> str:
    """On one line, one blank between words."""
    return " ".join(text.split())
