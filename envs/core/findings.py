"""What is found in a scenario before the first run, and how it is shown."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that keeps a scenario from working (problem), or that is worth knowing."""

    problem: bool
    about: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Section:
    """A table for a person; the first column is text, the others are aligned as numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Checked:
    """A report with findings."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> int:
        """Findings that keep the scenario from working."""
        return sum(finding.problem for finding in self.findings)

    @property
    def counted(self) -> str:
        """`ok`, or the number of problems."""
        return f"{self.problems} problem{'s' * (self.problems > 1)}" if self.problems else "ok"
