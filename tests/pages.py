"""The documentation as data: code blocks, commands, links and tables of a Markdown page."""
from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"(?:`(?P<file>[\w.-]+)`[^`\n]*:\n\n)?"
                   r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.M)
INLINE = re.compile(r"`((?:\.venv/bin/)?python3? [^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block; `file` is the name that the text before it gives."""

    file: str | None
    language: str
    body: str


def pages() -> list[Path]:
    """Every page of the repository."""
    places = ("*.md", "docs/*.md", "traces/*/*.md", "tests/oracles/*.md", "saved_models/*/*/*.md")
    return sorted(p for place in places for p in ROOT.glob(place))


def blocks(text: str) -> list[Block]:
    """The fenced blocks."""
    return [Block(m["file"], m["language"], m["body"]) for m in FENCE.finditer(text)]


def example_files() -> dict[str, str]:
    """Name -> content of every block that a page gives a name."""
    return {b.file: b.body for p in pages() for b in blocks(p.read_text()) if b.file}


def commands(text: str) -> Iterator[list[str]]:
    """`[script.py, argument, ...]` of every Python command."""
    shells = [b.body for b in blocks(text) if b.language in ("", "bash", "sh")]
    rest = FENCE.sub("", text)
    lines = [line for body in shells for line in body.splitlines()]
    for line in [*lines, *INDENTED.findall(rest), *INLINE.findall(rest)]:
        yield from _python(line)


def _python(line: str) -> Iterator[list[str]]:
    for part in re.split(r"&&|;", line.split(" #")[0]):
        words = shlex.split(part)
        while words and re.match(r"\w+=", words[0]):
            words.pop(0)
        if len(words) > 1 and re.search(r"(^|/)python3?$", words[0]) and words[1].endswith(".py"):
            yield words[1:]


def links(text: str) -> list[str]:
    """Targets of links, code left out."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """What `#...` may point to."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table whose first heading this is, code marks removed."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found = []
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        found.append([c.strip().replace("`", "") for c in line.strip("| ").split(" | ")])
    return found
