"""Published tables: what every sequence reaches, simple policies, tabular learners."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.oracles import Content, OracleError, Outcome, differences, outcome
from envs.net2net.importers.peer import read_peer
from envs.net2net.leaves import best_together, normalised
from envs.net2net.metrics import Reference, of_seeds
from envs.net2net.oracles.folders import OWN
from envs.net2net.players import tables
from envs.net2net.players.values import Values
from envs.net2net.replay import Table

TABLES = "peer_tables.csv*"
LETTERS = "-ABC"            # of actions
ROUNDED = 1e-6              # of values given to six places
SEEDS, ABOVE = 10, 3        # tabular learners: seeds, and how far the worst may lie above
LAYERS = (1, 2)             # actions that add a convolution
SLOW = 0.02                 # step of the learner without baseline
RULES: dict[str, Callable[[Values], tuple[int, ...]]] = {
    "greedy_marginal": tables.greedy_marginal,
    "greedy_uniform_continuation": tables.greedy_uniform,
    "greedy_none_continuation": tables.greedy_none,
}


def check_published(name: str, content: Content) -> Iterator[Outcome]:
    """Every network and opening alone, then what holds for several."""
    known = {table.cell.name: table for table in read_peer(_tables(content.folder))}
    for cell, want in content["scenarios"].items():
        if cell not in known:
            raise OracleError(f"no table of {cell}", content.where, "put peer_tables.csv beside it")
        values, reference = _values(known[cell]), of_seeds(known[cell].cell, _leaves(known[cell]))
        for part, check in PARTS.items():
            yield outcome(f"{name}, {cell}, {part}", lambda c=check, w=want, v=values, r=reference,
                          t=known[cell]: c(w, v, r, t))
    for network, want in content.get("joint", {}).items():
        chosen = [known[f"{network}/{opening}"] for opening in want["scenarios"]]
        yield outcome(f"{name}, {network}", lambda w=want, c=chosen: _joint(w, c))


def _tables(folder: Path) -> Path:
    return next(path for where in (folder, OWN) for path in sorted(where.glob(TABLES)))


def _leaves(table: Table) -> np.ndarray:
    return table.leaves["val_accuracy"]


def _values(table: Table) -> Values:
    return Values(table.cell, _leaves(table)[0], _leaves(table),
                  table.nodes["val_accuracy"][0])


def _statistics(want: Mapping[str, Any], values: Values, reference: Reference,
                table: Table) -> list[str]:
    best = int(values.leaf.argmax())
    found = {
        "never": _ranked(reference, reference.never), "uniform_random_mean": reference.mean,
        "median": float(np.median(values.leaf)), "sd": float(values.leaf.std(ddof=1)),
        "minimum": float(values.leaf.min()), "order_noise_sd": reference.noise,
        "oracle": {"accuracy": reference.oracle, "leaf": best,
                   "sequence": list(values.cell.sequence_of(best))},
        "rank_band_of_oracle": list(reference.band(reference.oracle)),
        "fixed": {"".join(LETTERS[a] for a in values.cell.sequence_of(leaf)):
                  list(_ranked(reference, float(x)).values())
                  for leaf, x in enumerate(values.leaf)}}
    return differences({key: want[key] for key in found}, found)


def _ranked(reference: Reference, accuracy: float) -> dict[str, float | int]:
    return {"accuracy": accuracy, "rank": reference.rank(accuracy)}


def _rounded(want: Mapping[str, Any], values: Values, reference: Reference,
             table: Table) -> list[str]:
    """Clocks of the nodes, and the mean by the number of convolutions that were added."""
    clocks = {str(node): float(ms) / 1000 for node, ms in enumerate(table.nodes["clock"][0])}
    added = np.array([sum(a in LAYERS for a in values.cell.sequence_of(leaf))
                      for leaf in range(values.cell.leaves)])
    means = [float(values.leaf[added == n].mean()) for n in range(added.max() + 1)]
    return differences(want["node_clock_s"], clocks, "node_clock_s", ROUNDED) + differences(
        want["mean_by_convolutions_added"], means, "mean_by_convolutions_added", ROUNDED)


def _rules(want: Mapping[str, Any], values: Values, reference: Reference,
           table: Table) -> list[str]:
    found = {}
    for name, rule in RULES.items():
        sequence = rule(values)
        accuracy = float(values.leaf[values.cell.leaf_of(sequence)])
        found[name] = {"sequence": list(sequence), **_ranked(reference, accuracy)}
    return differences({key: want[key] for key in found}, found)


def _learners(want: Mapping[str, Any], values: Values, reference: Reference,
              table: Table) -> list[str]:
    """Ranks over a few seeds lie where those over many did."""
    found = []
    for name, bounds in want["tabular_agents_rank_over_100_seeds"].items():
        ranks = [reference.rank(float(values.leaf[values.cell.leaf_of(LEARNERS[name](
            values, seed))])) for seed in range(SEEDS)]
        if np.median(ranks) > bounds["p90"]:
            found.append(f"{name}: expected a median of at most {bounds['p90']}, got ranks {ranks}")
        if max(ranks) > bounds["max"] + ABOVE:
            found.append(f"{name}: expected ranks up to {bounds['max'] + ABOVE}, got {ranks}")
    return found


LEARNERS: dict[str, Callable[[Values, int], tuple[int, ...]]] = {
    "reinforce_running_mean_baseline": tables.tabular_reinforce,
    "reinforce_no_baseline": lambda values, seed: tables.tabular_reinforce(
        values, seed, rate=SLOW, baseline=False),
    "q_learning_optimistic": lambda values, _: tables.tabular_q(values),
}
PARTS = {"statistics": _statistics, "clocks and layers": _rounded, "rules": _rules,
         "learners": _learners}


def _joint(want: Mapping[str, Any], chosen: list[Table]) -> list[str]:
    """The best constant sequences over several openings."""
    leaves = [_leaves(table)[0] for table in chosen]
    scores, cell = [normalised(leaf) for leaf in leaves], chosen[0].cell
    best, scored = best_together(leaves), best_together(scores)
    accuracies = [float(leaf[best]) for leaf in leaves]
    found = {
        "best_fixed_by_mean_accuracy": {
            "sequence": list(cell.sequence_of(best)), "accuracy": accuracies,
            "mean": float(np.mean(accuracies)), "normalised": _mean(scores, best)},
        "best_fixed_by_normalised": {"sequence": list(cell.sequence_of(scored)),
                                     "normalised": _mean(scores, scored)},
        "mean_oracle": float(np.mean([leaf.max() for leaf in leaves])),
        "mean_random": float(np.mean(leaves)), "mean_never": _mean(leaves, 0),
        "never_normalised": _mean(scores, 0)}
    return differences({key: want[key] for key in found}, found, "", ROUNDED)


def _mean(leaves: list[np.ndarray], leaf: int) -> float:
    return float(np.mean([values[leaf] for values in leaves]))
