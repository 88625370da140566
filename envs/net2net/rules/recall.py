"""What a recording does not keep up on the way: network, clocks, losses, GPU time."""
import math

from envs.core.jit import part, rule
from envs.net2net.rules.network import DEEPEN, change, measure, shape, stack, step_cost
from envs.net2net.rules.play import base_network, clock_at, first_leaf
from envs.net2net.state import UNKNOWN
from envs.net2net.work import DEPTH


@rule
def _whole(x):
    """A recorded count; 0 where none is known."""
    return 0 if math.isnan(x) else int(x)


@part
def _edit(s, w, a, clock):
    """Action `a` > 0 at a clock: the clock after its single edits."""
    if w.setup[0].action_set == DEPTH:
        for k in range(w.setup[0].stages):
            if (a >> k) & 1:
                change(s, DEEPEN, k, 1)
                measure(s, w)
                clock += step_cost(s, w, 1)
    else:
        shape(s, w, a, 1)
        measure(s, w)
        clock += step_cost(s, w, 1)
    stack(s, w, a)
    return clock


@part
def recall(s, w):
    """Bring a replica that plays on a table up to date."""
    run, setup = s.run[0], w.setup[0]
    base_network(s, w)
    measure(s, w)
    run.edits, run.edited, node, parent = 0, -1.0, 0, -1
    for j in range(run.decision):
        a = s.taken[j].action
        if a != 0:
            run.edited = _edit(s, w, a, w.node[run.cell, run.row, node].clock)
            run.edits += 1
        parent, node = node, setup.actions * node + 1 + a
    run.clock = clock_at(w, run.cell, run.row, node)
    run.gpu_total = run.clock
    run.gpu_ms = run.clock if parent < 0 else run.clock - w.node[run.cell, run.row, parent].clock
    if node < first_leaf(w):
        seen = w.node[run.cell, run.row, node]
        run.val_loss, run.train_loss, run.steps = seen.val_loss, seen.train_loss, _whole(seen.steps)
    else:
        leaf = w.leaf[run.cell, run.row, node - first_leaf(w)]
        run.val_loss, run.train_loss, run.steps = leaf.val_loss, UNKNOWN, _whole(leaf.steps)
