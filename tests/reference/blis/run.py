"""A whole-trace run from a raw configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .allocation import Allocator
from .entities import UNFINISHED, Window
from .metrics import metrics
from .options import complete
from .simulator import Simulator
from .system import System


@dataclass
class Result:
    """Outcome of every request that arrived, metrics, counters per window."""

    status: str
    device: list[int | None]
    start: list[float | None]
    finish: list[float | None]
    metrics: dict
    windows: list[Window]
    simulator: Simulator


def bind(config: Mapping, rows: Sequence) -> System:
    """The figures of a configuration for the families of a trace."""
    o = complete(config)
    families = o.families or sorted({row[1] for row in rows})
    smallest: dict[str, float] = {}
    for row in rows:
        smallest[row[1]] = min(row[2], smallest.get(row[1], row[2]))
    slo = [o.family_slo_ms.get(f, smallest.get(f)) for f in families]
    return System(o, families, slo)


def simulate(config: Mapping, rows: Sequence, seed: int | None = None) -> Result:
    """Replay `rows` of [arrival_ms, family, slo_ms, qos, accuracy] to the end of the run."""
    system = bind(config, rows)
    seed = system.options.seed if seed is None else seed
    sim = Simulator(system, rows, seed)
    allocator = Allocator(system, rows, seed)
    allocator.start(sim)
    sim.run(allocator)
    arrived = sim.requests[:sim.cursor]
    return Result("".join(_letter(r) for r in arrived), [r.device for r in arrived],
                  [r.start for r in arrived], [r.finish for r in arrived], metrics(sim),
                  sim.windows, sim)


def _letter(request) -> str:
    if request.status != UNFINISHED:
        return request.status
    return "q" if request.start is None else "r"
