"""Links alone and shared: times, max-min fair rates, runs with `network: fair`."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envs.core.oracles import Outcome, differences, outcome
from envs.dag.links import Link
from envs.dag.oracles.runs import run_of
from envs.dag.oracles.situations import compare

LONG = 10**9        # ticks that every flow must take, so that a tick is 1e-9 of a rate
SLACK = 2           # ticks; sizes are whole bytes, ends are rounded up


def check_network(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every part of a file."""
    for row in content.get("link_times", ()):
        yield outcome(f"{name}, link {row}", lambda row=row: _link(*row))
    for number, case in enumerate(content.get("maxmin", ())):
        yield outcome(f"{name}, rates {number}", lambda case=case: _rates(case))
    for case in content.get("timed", ()):
        yield outcome(f"{name}, {case['name']}", lambda case=case: compare(case))


def _link(latency: float, bandwidth: float | None, per_unit: int, size: int,
          want: int) -> list[str]:
    return differences(want, Link(latency, bandwidth).ticks(size, per_unit), "ticks")


def _rates(case: Mapping[str, Any]) -> list[str]:
    """With sizes in proportion to the rates, all flows end together."""
    run = run_of({"machine": _machine(case), "jobs": [[0, _graph(case)]]}, "fifo")
    places = list(map(tuple, case["flows"]))
    took = [(int(t["end"] - t["start"]), (int(t["src"]), int(t["dst"]))) for t in run.transfers]
    wrong = [f"flow {place} at its rate: expected {LONG} ticks, got {ticks}"
             for ticks, place in took if abs(ticks - LONG) > SLACK]
    return wrong + differences(sorted(places), sorted(place for _, place in took), "flows")


def _machine(case: Mapping[str, Any]) -> dict[str, Any]:
    """A worker of its own type on every node; node 0 is the host."""
    own = [{"type": f"n{n}", "memory": None, "out": {"bandwidth": up}, "in": {"bandwidth": down}}
           for n, (up, down) in enumerate(zip(case["up"], case["down"], strict=True)) if n]
    return {"unit": "1", "network": "fair", "workers": [*own, {"type": "n0"}], "peer": {},
            "bus": {"up": case["up"][0], "down": case["down"][0]}}


def _graph(case: Mapping[str, Any]) -> dict[str, Any]:
    """Each node writes what flows out of it in a tick; then every node reads what flows in."""
    flows = list(enumerate(case["flows"]))
    nodes = range(len(case["up"]))
    tiles = {f"f{f}": max(1, round(case["rates"][f] * LONG)) for f, _ in flows}
    writers = [{"id": f"w{n}", "duration": {f"n{n}": 1},
                "access": [[f"f{f}", "W"] for f, (m, _) in flows if m == n]} for n in nodes]
    readers = [{"id": f"r{n}", "duration": {f"n{n}": 1},
                "access": [[f"f{f}", "R"] for f, (_, m) in flows if m == n]} for n in nodes]
    gate = {"id": "gate", "virtual": True}
    edges = [[f"w{n}", "gate"] for n in nodes] + [["gate", f"r{n}"] for n in nodes]
    return {"format": "dag-1", "unit": "1", "tiles": tiles, "tasks": [*writers, gate, *readers],
            "edges": edges}
