"""What metrics need of a whole run, in one sweep over the changes of its nodes.

A change is (time, node, kind, amount): HOLD adds to the held GPUs of the node, STATE says whether
it is up. Changes are sorted by time; at equal times ends of segments come before node events, and
these before starts, so that the free count of a node is never negative.
"""
from __future__ import annotations

from envs.core.jit import driver, rule

HOLD, STATE = 0, 1


@rule
def count(sums, n, sign, nodes, stranded):
    """Add node n to the sums over up nodes (held, up, free GPUs, stranded), or take it out."""
    if nodes.up[n]:
        free = nodes.gpus[n] - nodes.held[n]
        sums[0] += sign * nodes.held[n]
        sums[1] += sign * nodes.gpus[n]
        sums[2] += sign * free
        sums[3] += sign * free * stranded[nodes.kind[n], free]


@driver
def sweep(changes, nodes, stranded, first, last, sums, totals):
    """Integrals from `first` to `last` (microseconds): GPUs held, GPUs up, time with free GPUs,
    and the share of free GPUs that is stranded over that time.

    `nodes` says how they are before the first change and is updated; `stranded[kind, f]` counts
    the jobs for which f free GPUs of a node are too few; `sums` starts at 0.
    """
    now = first
    for n in range(len(nodes)):
        count(sums, n, 1, nodes, stranded)
    for i in range(len(changes) + 1):
        until = last if i == len(changes) else min(last, changes[i].time)
        if until > now:
            totals[0] += sums[0] * (until - now)
            totals[1] += sums[1] * (until - now)
            if sums[2] > 0:
                totals[2] += until - now
                totals[3] += (until - now) * (sums[3] / sums[2])
            now = until
        if i == len(changes) or now >= last:
            break
        n = changes[i].node
        count(sums, n, -1, nodes, stranded)
        if changes[i].kind == HOLD:
            nodes[n].held += changes[i].amount
        else:
            nodes[n].up = changes[i].amount
        count(sums, n, 1, nodes, stranded)
