"""A whole run of an instance, and its result in the form of an oracle."""

from collections.abc import Mapping
from typing import Any

from .arithmetic import NEVER
from .bounds import bounds
from .metrics import metrics
from .simulator import Simulator
from .system import System


def simulate(instance: Mapping[str, Any], shares=None, allocator=None) -> Simulator:
    """Run {cluster, classes, jobs, options} to its end."""
    simulator = Simulator(System(instance), shares, allocator)
    simulator.run()
    return simulator


def expected(simulator: Simulator) -> dict[str, Any]:
    """What an oracle holds of a run."""
    system, state = simulator.system, simulator.state
    found = {"order": [job.line for job in system.jobs],
             "jobs": [_job(p) for p in state.progress],
             "segments": [_segment(s) for s in segments(state)],
             "metrics": metrics(simulator)}
    if all(p.finish is not None for p in state.progress):
        found["bounds"] = bounds(system, system.options.elastic)
    if system.options.lookahead:
        found["choices"] = [[_seconds(t), chosen] for t, chosen in state.choices]
    return found


def segments(state) -> list:
    """Closed and open segments by (start, job)."""
    still = [p.segment for p in state.progress if p.segment]
    return sorted([*state.segments, *still], key=lambda s: (s.start, s.job))


def _seconds(t: int | None) -> float | None:
    return None if t is None or t == NEVER else t / 1e6


def _job(p) -> list:
    return [*map(_seconds, (p.admitted, p.first_start, p.finish)), p.preemptions, p.evictions,
            *map(_seconds, (p.att, p.gatt, p.overhead)), p.lost / 1e6]


def _segment(s) -> list:
    return [s.job, _seconds(s.start), _seconds(s.end), s.gpu_type, [list(p) for p in s.places],
            s.level, s.reason]
