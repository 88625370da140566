"""The network of a replica: what actions do to it, its size, and what a step of it costs."""
import numpy as np

from envs.core.jit import part, rule
from envs.net2net.state import NONE
from envs.net2net.work import DEPTH, MALLEABLE, PEER, TABULAR

MOST_LAYERS, LARGEST_KERNEL = 8, 5      # before deepening, before growing kernels
DEEPEN, WIDEN, KERNEL, UNDO = range(4)


@rule
def rung_width(k):
    """The k-th width of the ladder 4, 6, 8, 12, ..., 96, 128."""
    half = 1 << (k >> 1)
    return 4 * half if k % 2 == 0 else 6 * half


LAST_RUNG = 10


@rule
def operator(w, a):
    """What action `a` > 0 does; of set `depth` every action deepens."""
    kind, stages = w.setup[0].action_set, w.setup[0].stages
    if kind == DEPTH or kind == PEER:
        return DEEPEN
    return (a - 1) // stages


@rule
def stage_of(w, a):
    """The stage on which action `a` of the other sets works."""
    return (a - 1) % w.setup[0].stages


@rule
def change(s, op, k, sign):
    """Apply an operator to stage `k` (sign 1), or take it back (-1)."""
    stage = s.stage[k]
    if op == DEEPEN:
        stage.layers += sign
    elif op == WIDEN:
        stage.rung += sign
        stage.width = rung_width(stage.rung)
    else:
        stage.kernel += 2 * sign


@part
def shape(s, w, a, sign):
    """Apply action `a` of any set to the stages, or take it back; the stack stays."""
    stages = w.setup[0].stages
    if a == 0:
        return
    if w.setup[0].action_set == DEPTH:
        for k in range(stages):
            if (a >> k) & 1:
                change(s, DEEPEN, k, sign)
        return
    op = operator(w, a)
    if op == UNDO:
        last = s.taken[s.run[0].depth - 1].force
        change(s, operator(w, last), stage_of(w, last), -sign)
    else:
        change(s, op, stage_of(w, a), sign)


@part
def parameters(s, w):
    """Trainable parameters of the present network."""
    run = s.run[0]
    cell = w.cell[run.cell]
    total, before = 0, cell.channels
    for k in range(w.setup[0].stages):
        stage, base = s.stage[k], w.base[run.cell, k]
        q = stage.kernel * stage.kernel * stage.width * (
            before + (stage.layers - 1) * stage.width)
        total += q + base.extra * stage.width * stage.layers
        before = stage.width
    return total + before * cell.head_pixels * cell.classes + cell.classes


@rule
def stage_macs(s, w, k):
    """Multiply-accumulates of stage `k`."""
    cell, stage = s.run[0].cell, s.stage[k]
    before = w.cell[cell].channels if k == 0 else s.stage[k - 1].width
    return w.base[cell, k].pixels * stage.kernel * stage.kernel * stage.width * (
        before + (stage.layers - 1) * stage.width)


@part
def macs(s, w):
    """Multiply-accumulates of one sample."""
    total, last = 0, w.setup[0].stages - 1
    for k in range(last + 1):
        total += stage_macs(s, w, k)
    cell = w.cell[s.run[0].cell]
    return total + s.stage[last].width * cell.head_pixels * cell.classes


@rule
def convolutions(s, w):
    """Convolutions, with the layers of a linear stage."""
    total = 0
    for k in range(w.setup[0].stages):
        total += s.stage[k].layers
    return total


@rule
def measure(s, w):
    """Keep the size of the present network."""
    run = s.run[0]
    run.parameters = parameters(s, w)
    run.macs = macs(s, w)
    run.convolutions = convolutions(s, w)


@rule
def cost_of(w, layers, work, gpus):
    """Milliseconds of a training step of `layers` convolutions and `work` MACs on so many GPUs."""
    setup = w.setup[0]
    spent = setup.per_layer * layers + setup.per_mac * (work / 1e6)
    if gpus != 1:
        spent = spent / float(gpus) ** setup.speedup
    return setup.overhead + spent + setup.per_gpu * (gpus - 1)


@rule
def step_cost(s, w, gpus):
    """Milliseconds of a training step of the present network."""
    return cost_of(w, s.run[0].convolutions, s.run[0].macs, gpus)


@rule
def _fits(s, w, op, k):
    stage = s.stage[k]
    if op == DEEPEN:
        return stage.layers < MOST_LAYERS
    if op == WIDEN:
        return stage.rung != NONE and stage.rung < LAST_RUNG
    return stage.kernel <= LARGEST_KERNEL


@rule
def _possible(s, w, a):
    """Whether the operators of action `a` > 0 apply to their stages."""
    if w.setup[0].action_set == DEPTH:
        for k in range(w.setup[0].stages):
            if (a >> k) & 1 and s.stage[k].layers >= MOST_LAYERS:
                return False
        return True
    op = operator(w, a)
    if op == UNDO:
        return s.run[0].depth > 0
    return _fits(s, w, op, stage_of(w, a))


@rule
def recorded(w, cell, node, a):
    """Whether a table holds what follows action `a` at a node."""
    return (w.open[cell, node].actions >> np.uint64(a)) & np.uint64(1) != np.uint64(0)


@part
def legal(s, w, a):
    """Whether action `a` may be taken now."""
    setup, run = w.setup[0], s.run[0]
    if a == 0:
        return True
    if setup.backend == TABULAR and not recorded(w, run.cell, run.node, a):
        return False
    if not _possible(s, w, a):
        return False
    if setup.max_parameters == 0:
        return True
    shape(s, w, a, 1)
    within = parameters(s, w) <= setup.max_parameters
    shape(s, w, a, -1)
    return within


@rule
def undoes(w, a):
    """Whether action `a` is the one that takes back."""
    return w.setup[0].action_set == MALLEABLE and a == w.setup[0].actions - 1


@rule
def stack(s, w, a):
    """Keep what is in force after action `a`, which has been applied."""
    run = s.run[0]
    if undoes(w, a):
        run.depth -= 1
    elif a > 0:
        s.taken[run.depth].force = a
        run.depth += 1
