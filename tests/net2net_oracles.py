"""The shared answers of the net2net domain, as they lie in `tests/oracles/net2net`."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from envs.core.oracles import read_oracle

FOLDER = Path(__file__).parent / "oracles" / "net2net"


def oracle(name: str) -> dict[str, Any]:
    """The content of `NAME.json.gz`."""
    return read_oracle(FOLDER / f"{name}.json.gz")


def seed_of(case: dict[str, Any]) -> int:
    """The seed of a case's noise, 0 without."""
    return case.get("noise", {}).get("seed", 0)
