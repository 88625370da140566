"""The observation of a replica, entry by entry as the environment's docstring says."""
import math

from envs.core.jit import part, rule
from envs.net2net.rules.clock import entry_at
from envs.net2net.rules.curve import rate
from envs.net2net.rules.network import (
    MOST_LAYERS,
    convolutions,
    cost_of,
    legal,
    macs,
    parameters,
    shape,
    stage_macs,
    step_cost,
)

GENERAL, PER_STAGE, PER_ACTION, PER_LAYER = 20, 4, 2, 8


@part
def _general(s, w, out):
    run, setup = s.run[0], w.setup[0]
    cell = w.cell[run.cell]
    entry = entry_at(w, run.clock)
    gpus = w.timeline[entry].gpus
    j, budget = run.decision, cell.budget
    upcoming = w.limit[run.cell, min(j + 1, setup.decisions)].at
    out[0] = run.clock / budget
    out[1] = (upcoming - run.clock) / budget
    out[2] = math.log10(budget / cell.base_step) / 5.0
    out[3] = j / setup.decisions
    out[4] = run.edits / setup.decisions
    out[5] = rate(s, w, run.clock)
    out[6] = gpus / setup.most_gpus
    out[7] = (run.clock - w.timeline[entry].at) / budget
    cost = run.slowness * step_cost(s, w, max(1, gpus))
    out[8] = math.log2(cost / cell.base_step) / 4.0
    out[9] = math.log2(run.parameters / cell.parameters) / 8.0
    out[10] = math.log2(run.macs / cell.macs) / 8.0
    if not math.isnan(run.accuracy):
        out[11], out[12] = 1.0, run.accuracy
        if not math.isnan(run.previous):
            out[13], out[14] = run.previous, run.accuracy - run.previous
    if not math.isnan(run.val_loss) and not math.isnan(run.train_loss):
        out[15] = 1.0
        out[16], out[17] = min(run.val_loss, 4.0) / 4.0, min(run.train_loss, 4.0) / 4.0
        out[18] = out[16] - out[17]
    out[19] = 1.0 if run.edited < 0.0 else (run.clock - run.edited) / budget


@rule
def _stages(s, w, out, first):
    total = s.run[0].macs
    for k in range(w.setup[0].stages):
        stage = s.stage[k]
        out[first] = stage.layers / 8.0
        out[first + 1] = math.log2(stage.width) / 7.0
        out[first + 2] = stage.kernel / 7.0
        out[first + 3] = stage_macs(s, w, k) / total
        first += PER_STAGE
    return first


@part
def _actions(s, w, out, mask, first):
    """Which actions are legal, and what each makes of step cost and size."""
    run = s.run[0]
    gpus = max(1, w.timeline[entry_at(w, run.clock)].gpus)
    now = step_cost(s, w, gpus)
    if run.decision == w.setup[0].decisions:
        mask[0] = 1
        return first + PER_ACTION * w.setup[0].actions
    for a in range(w.setup[0].actions):
        if legal(s, w, a):
            mask[a] = 1
            shape(s, w, a, 1)
            after = cost_of(w, convolutions(s, w), macs(s, w), gpus)
            out[first] = math.log2(after / now) / 4.0
            out[first + 1] = math.log2(parameters(s, w) / run.parameters) / 4.0
            shape(s, w, a, -1)
        first += PER_ACTION
    return first


@rule
def _layer(out, at, kind, before, after, kernel, share, new):
    out[at + kind] = 1.0
    out[at + 3], out[at + 4] = math.log2(before) / 8.0, math.log2(after) / 8.0
    out[at + 5], out[at + 6], out[at + 7] = kernel / 7.0, share, new


@part
def _layers(s, w, out, first):
    """Layer slots in the order of the network."""
    cell, last = s.run[0].cell, w.setup[0].stages - 1
    image, before, at = w.cell[cell].inputs, w.cell[cell].channels, first
    for k in range(last + 1):
        stage, base = s.stage[k], w.base[cell, k]
        for i in range(stage.layers):
            _layer(out, at, 0, before, stage.width, stage.kernel, base.pixels / image,
                   1.0 if i >= base.layers else 0.0)
            before, at = stage.width, at + PER_LAYER
        if base.pool > 0:
            _layer(out, at, 1, before, before, 2, base.pool / image, 0.0)
            at += PER_LAYER
    if w.cell[cell].classes > 0:
        _layer(out, at, 2, before * w.cell[cell].head_pixels, w.cell[cell].classes, 0, 0.0, 0.0)
    return first + PER_LAYER * (last + 1) * (MOST_LAYERS + 1)


@rule
def observe(s, w, out, mask):
    """Fill a zeroed row; entries are clipped to [-1, 4]."""
    _general(s, w, out)
    first = _stages(s, w, out, GENERAL)
    first = _actions(s, w, out, mask, first)
    first = _layers(s, w, out, first)
    if w.setup[0].show_task == 1:
        out[first + s.run[0].cell] = 1.0
    for i in range(len(out)):
        out[i] = min(4.0, max(-1.0, out[i]))
