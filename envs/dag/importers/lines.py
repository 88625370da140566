"""Text files of numbers between blanks, with comments."""
from __future__ import annotations

from pathlib import Path

from envs.core.errors import TraceError
from envs.core.files import read_text

MOST_DIGITS = 18        # of a whole number
Rows = list[tuple[str, list[str]]]      # place (file and line), fields


def rows_of(path: Path, comment: str = "#", separator: str | None = None) -> Rows:
    """The fields of every line that holds any; what follows `comment` is left out."""
    found = []
    for number, line in enumerate(read_text(path, TraceError).splitlines(), 1):
        text = line.split(comment)[0].strip()
        if text:
            found.append((f"{path}, line {number}",
                          [field.strip() for field in text.split(separator)]))
    return found


def whole_of(text: str, place: str, what: str) -> int:
    """The integer of a field, at least 0."""
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise TraceError(f"{what} must be an integer >= 0, found {text[:2 * MOST_DIGITS]}", place)
    return int(text)
