"""The budget clock: how many steps fit a segment, and what an edit takes."""
import math

from envs.core.jit import part, rule
from envs.net2net.rules.curve import learn
from envs.net2net.rules.network import (
    DEEPEN,
    change,
    measure,
    shape,
    stack,
    step_cost,
    undoes,
)
from envs.net2net.work import DEPTH

SLACK = 1e-9


@rule
def entry_at(w, t):
    """The last entry of the GPU timeline at or before `t`."""
    i, last = 0, len(w.timeline) - 1
    while i < last and w.timeline[i + 1].at <= t + SLACK:
        i += 1
    return i


@rule
def gpus_at(w, t):
    """GPUs in force at `t`."""
    return w.timeline[entry_at(w, t)].gpus


@part
def advance(s, w, limit):
    """Train until no further step can end by `limit`."""
    run, changes = s.run[0], len(w.timeline)
    while True:
        i = entry_at(w, run.clock)
        gpus = w.timeline[i].gpus
        until = w.timeline[i + 1].at if i + 1 < changes else math.inf
        if gpus == 0:
            if until >= limit:
                run.clock = max(run.clock, limit)
                return
            run.clock = until
            continue
        cost = step_cost(s, w, gpus)
        room = max(0.0, math.floor((limit - run.clock) / cost + SLACK))
        n = room
        if until < limit:
            n = min(room, max(1.0, math.ceil((until - run.clock) / cost - SLACK)))
        if n > 0.0:
            learn(s, w, n, cost)
            run.clock += n * cost
            run.steps += int(n)
            run.gpu_ms += n * cost * gpus
        if n == room and until > run.clock + SLACK:
            return


@rule
def _pay(s, w, jump):
    """A single edit, already applied: its time, and what it does to the error."""
    run = s.run[0]
    measure(s, w)
    gpus = max(1, gpus_at(w, run.clock))
    cost = step_cost(s, w, gpus)
    run.clock += cost
    run.gpu_ms += cost * gpus
    run.error = min(run.e0, run.error + jump)


@part
def edit(s, w, a):
    """The single edits of action `a` > 0, one after the other."""
    setup, run = w.setup[0], s.run[0]
    if setup.action_set == DEPTH:
        for k in range(setup.stages):
            if (a >> k) & 1:
                change(s, DEEPEN, k, 1)
                _pay(s, w, setup.jump_grow)
    else:
        shape(s, w, a, 1)
        _pay(s, w, setup.jump_undo if undoes(w, a) else setup.jump_grow)
    stack(s, w, a)
    run.edited = run.clock
