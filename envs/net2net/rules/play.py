"""An episode of one replica: its start, and an action with the segment after it."""
import math

from envs.core.jit import part, rule
from envs.net2net.rules.clock import advance, edit
from envs.net2net.rules.curve import enter_curve, modelled, see, vary
from envs.net2net.rules.network import legal, measure, recorded, shape, stack
from envs.net2net.state import UNKNOWN, Replica
from envs.net2net.work import PARAMETRIC, TABULAR

FINAL, DELTA, TAN, GAIN, COST = range(5)        # REWARDS
HIGHEST = 0.99                                  # accuracy from which `tan` is flat
EQUAL = 1e-12                                   # accuracies that differ by less are the same


@rule
def replica(state, e):
    """Row `e` of the batch."""
    return Replica(state.run[e:e + 1], state.stage[e], state.coefficient[e], state.taken[e])


@rule
def base_network(s, w):
    """The network that an episode starts with."""
    run = s.run[0]
    run.depth = 0
    for k in range(w.setup[0].stages):
        stage, base = s.stage[k], w.base[run.cell, k]
        stage.layers, stage.width, stage.kernel = base.layers, base.width, base.kernel
        stage.rung = base.rung


@part
def start(s, w, cell, row, seed):
    """Everything as it is at time 0."""
    run = s.run[0]
    run.cell, run.row, run.seed = cell, row, seed
    run.node, run.steps, run.decision, run.edits, run.illegal = 0, 0, 0, 0, 0
    run.clock, run.edited, run.gpu_ms, run.gpu_total = 0.0, -1.0, 0.0, 0.0
    run.accuracy, run.previous, run.slowness = UNKNOWN, UNKNOWN, 1.0
    run.val_loss, run.train_loss = UNKNOWN, UNKNOWN
    base_network(s, w)
    measure(s, w)


@rule
def start_model(s, w):
    """Train the base network up to the first decision."""
    run = s.run[0]
    vary(s, w)
    enter_curve(s, w)
    run.error = run.e0
    advance(s, w, w.limit[run.cell, 0].at)
    see(s, w)
    settle(s)


@rule
def settle(s):
    """Close the account of GPU time of a step."""
    run = s.run[0]
    run.gpu_total += run.gpu_ms


@rule
def begin_one(s, w, cell, row, seed):
    """Begin an episode; what a live back-end trains is not done here."""
    start(s, w, cell, row, seed)
    if modelled(w):
        start_model(s, w)
    elif w.setup[0].backend == TABULAR:
        s.run[0].accuracy = w.node[cell, row, 0].val_accuracy


@rule
def take(s, w, a):
    """Write down action `a`; it counts as 0 where it is illegal."""
    run = s.run[0]
    if a != 0 and not legal(s, w, a):
        run.illegal += 1
        a = 0
    s.taken[run.decision].action = a
    run.decision += 1
    run.edits += a != 0
    run.node = w.setup[0].actions * run.node + 1 + a
    return a


@rule
def play_model(s, w, a):
    """An action under the model, and the segment after it."""
    run = s.run[0]
    a = take(s, w, a)
    run.gpu_ms = 0.0
    if a != 0:
        edit(s, w, a)
        enter_curve(s, w)
    advance(s, w, w.limit[run.cell, run.decision].at)
    see(s, w)
    settle(s)


@rule
def first_leaf(w):
    """The heap number of leaf 0."""
    return w.node.shape[2]


@rule
def accuracy_at(w, cell, row, node):
    """The recorded validation accuracy of a node or leaf."""
    if node < first_leaf(w):
        return w.node[cell, row, node].val_accuracy
    return w.leaf[cell, row, node - first_leaf(w)].val_accuracy


@rule
def clock_at(w, cell, row, node):
    """The recorded clock of a node or leaf."""
    if node < first_leaf(w):
        return w.node[cell, row, node].clock
    return w.leaf[cell, row, node - first_leaf(w)].clock


@rule
def play_table(s, w, a):
    """An action on a recording: the node below, or a leaf."""
    run, setup = s.run[0], w.setup[0]
    if a != 0 and not recorded(w, run.cell, run.node, a):
        run.illegal += 1
        a = 0
    s.taken[run.decision].action = a
    run.decision += 1
    before, run.node = run.node, setup.actions * run.node + 1 + a
    run.previous = run.accuracy
    run.accuracy = accuracy_at(w, run.cell, run.row, run.node)
    if setup.reward == COST:
        run.gpu_ms = clock_at(w, run.cell, run.row, run.node) - w.node[
            run.cell, run.row, before].clock


@rule
def play_live(s, w, a):
    """What an action does to the state while a host trains the network itself."""
    run = s.run[0]
    a = take(s, w, a)
    run.previous = run.accuracy
    if a != 0:
        shape(s, w, a, 1)
        stack(s, w, a)
        measure(s, w)


@rule
def play_one(s, w, a):
    """An action under the back-end of the batch."""
    backend = w.setup[0].backend
    if backend == PARAMETRIC:
        play_model(s, w, a)
    elif backend == TABULAR:
        play_table(s, w, a)
    else:
        play_live(s, w, a)


@part
def reward_of(s, w, before):
    """The reward of the last step; `before` is the validation accuracy at its decision."""
    run, setup = s.run[0], w.setup[0]
    last = run.decision == setup.decisions
    kind = setup.reward
    if kind == DELTA:
        return run.accuracy - (0.0 if run.decision == 1 else before)
    if kind == COST:
        return (run.accuracy if last else 0.0) - setup.gpu_cost * run.gpu_ms / 1e3
    if not last:
        return 0.0
    if kind == TAN:
        return 100.0 * math.tan(math.pi / 2.0 * min(run.accuracy, HIGHEST))
    if kind == GAIN:
        span = run.oracle - run.never
        return (run.accuracy - run.never) / span if span > EQUAL else 0.0
    return run.accuracy
