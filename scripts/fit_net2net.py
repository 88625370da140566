"""Fit the learning-curve model of net2net to a recording; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from envs.core.arguments import command, key
from envs.core.errors import SuiteError, nearest

HEAD = ("set", "e0", "einf", "tau0", "beta", "c", "budget", "rmse", "leaves", "held out", "halves")


@dataclass(frozen=True)
class Keys:
    """Fit the learning-curve model to every table of a recording, and say how good the fit is.

    A task recorded at several budgets gets a joint set as well. Printed per budget, against the
    mean of the seeds that were not fitted: RMSE over all decisions and leaves, and over leaves;
    Spearman's correlation of the leaves; the same between even and odd seeds, which is the most
    that can be reached. Of fewer than four seeds, `even` is all but the last.

      python scripts/fit_net2net.py seeds=even
      python scripts/fit_net2net.py out=traces/net2net/theta.json       what ships
    """

    trace: str = key("recorded", "recording, name or folder")
    seeds: str = key("train", "seeds to fit: train or even")
    out: Path | None = key(None, "file of parameter sets to write")


def main(keys: Keys) -> None:
    """Fit, print, write."""
    from envs.net2net.planning.quality import CHOICES, fit_sets
    from envs.net2net.replay import read_recording
    from envs.net2net.theta import write_thetas

    if keys.seeds not in CHOICES:
        raise SuiteError("no such choice", f"seeds={keys.seeds}", nearest(keys.seeds, CHOICES))
    sets = fit_sets(read_recording(keys.trace).tables, keys.seeds)
    rows = [row for fitted in sets.values() for row in _rows(fitted)]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    for row in (HEAD, *rows):
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
    for name, fitted in sets.items():
        if set(fitted.fit["fit_seeds"]) & set(fitted.fit["held_out_seeds"]):
            print(f"{name}: too few seeds, checked on those that were fitted")
    if keys.out:
        write_thetas(keys.out, sets)
        print(f"wrote {keys.out}")


def _rows(fitted) -> list[tuple[str, ...]]:
    theta = fitted.theta
    about = (fitted.name, f"{theta.e0:.3f}", f"{theta.einf:.3f}", f"{theta.tau0:.1f}",
             f"{theta.beta:.2f}", f"{theta.c:.3f}")
    found = []
    for one in fitted.fit["budgets"]:
        figures = (one["curve_rmse"], one["final_rmse"], one["spearman_held_out"],
                   one["spearman_halves"])
        found.append((*about, f"{one['budget_ms']:g}",
                      *("-" if figure is None else f"{figure:.3f}" for figure in figures)))
        about = ("",) * len(about)
    return found


if __name__ == "__main__":
    sys.exit(command(main, Keys))
