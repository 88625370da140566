"""Pictures and screens of an episode."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.blis.engine import Engine
from envs.blis.system import System
from envs.core.drawing import Timeline, ansi_table, spans


def timeline(system: System, rows: Sequence[tuple]) -> Timeline:
    """Devices against time, coloured by variant, and the key curves beneath."""
    window = system.scenario.options.window_ms / 1000
    cells = np.array([row[2] for row in rows], int).reshape(len(rows), system.devices)
    edges = window * np.arange(len(rows) + 1)
    row, begin, end, kind = spans(cells, edges)
    hosted = kind >= 0
    counts = [row[0] for row in rows]
    return Timeline(
        title="what each device hosts", row=row[hosted], begin=begin[hosted], end=end[hosted],
        kind=kind[hosted], kinds=system.variants, shade=system.accuracy,
        note="darker: more accurate", rows=[system.types[t] for t in system.device_type],
        curves=_curves(counts, window), times=edges[1:], until=float(edges[-1]))


def _curves(counts: Sequence[np.ndarray], window: float) -> dict[str, dict[str, np.ndarray]]:
    def total(name: str) -> np.ndarray:
        return np.array([c[name].sum() for c in counts], float)

    met = total("met")
    mean = np.divide(total("accuracy_met"), met, out=np.full(len(met), np.nan), where=met > 0)
    return {
        "requests per second": {"arrivals": total("arrivals") / window, "met": met / window,
                                "failed": (total("late") + total("dropped")) / window},
        "accuracy of met (%)": {"mean": mean},
    }


def screen(engine: Engine, e: int) -> str:
    """One line per family: what the last window brought and who serves it."""
    system, run, family = engine.system, engine.block["run"][e], engine.block["family"][e]
    target = engine.block["device"]["target"][e]
    owner = np.where(target >= 0, system.variant_family[target], -1)
    columns = ["family", "arrivals", "met", "late", "dropped", "queued", "accuracy",
               *system.types]
    rows = []
    for k, name in enumerate(system.families):
        f = family[k]
        mean = f["accuracy_met"] / f["met"] if f["met"] else None
        hosts = [int(((owner == k) & (system.device_type == t)).sum())
                 for t in range(len(system.types))]
        rows.append([name, *(int(f[c]) for c in ("arrivals", "met", "late", "dropped", "queued")),
                     mean, *hosts])
    title = f"window {int(run['window'])}, {float(run['now']) / 1000:g} s"
    return ansi_table(title, columns, rows)
