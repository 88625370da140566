"""Comparing contenders on held-out windows: `compare(contenders, scenario)`."""
from typing import Any


def __getattr__(name: str) -> Any:
    """`compare` and its result, imported on first use."""
    if name == "compare":
        from agents.evaluation.protocol import compare

        return compare
    raise AttributeError(name)
