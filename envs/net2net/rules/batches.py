"""Drivers: loops over the replicas of a batch, and over the tree of all sequences."""
from envs.core.jit import driver, part, rule
from envs.net2net.rules.clock import gpus_at
from envs.net2net.rules.curve import modelled, observed_error
from envs.net2net.rules.network import legal, step_cost
from envs.net2net.rules.observe import observe
from envs.net2net.rules.play import begin_one, play_one, replica, reward_of
from envs.net2net.rules.recall import recall
from envs.net2net.state import UNKNOWN
from envs.net2net.work import TABULAR


@driver
def begin_batch(state, w, chosen, cell, row, seed):
    """Begin episodes of the chosen replicas."""
    for e in range(len(chosen)):
        if chosen[e]:
            begin_one(replica(state, e), w, cell[e], row[e], seed[e])


@driver
def play_batch(state, w, active, action, reward):
    """One action of every active replica, and its reward."""
    for e in range(len(active)):
        if active[e]:
            s = replica(state, e)
            before = s.run[0].accuracy
            play_one(s, w, action[e])
            reward[e] = reward_of(s, w, before)


@driver
def pay_batch(state, w, active, reward):
    """Rewards of the last step, where a host has trained the segment after it."""
    for e in range(len(active)):
        if active[e]:
            s = replica(state, e)
            reward[e] = reward_of(s, w, s.run[0].previous)


@driver
def look_batch(state, w, active, observation, mask):
    """Observations (E, F) and masks (E, A) of the active replicas, into zeroed arrays."""
    tabular = w.setup[0].backend == TABULAR
    for e in range(len(active)):
        if active[e]:
            s = replica(state, e)
            if tabular:
                recall(s, w)
            observe(s, w, observation[e], mask[e])


@part
def _note(s, w, moment):
    """Write down how a job stands."""
    run = s.run[0]
    if w.setup[0].backend == TABULAR:
        recall(s, w)
    gpus = gpus_at(w, run.clock)
    moment.clock, moment.steps, moment.gpu_ms = run.clock, run.steps, run.gpu_total
    moment.val_accuracy, moment.val_loss = run.accuracy, run.val_loss
    moment.train_loss = run.train_loss
    moment.latent, moment.observed = UNKNOWN, UNKNOWN
    if modelled(w):
        moment.latent, moment.observed = run.error, observed_error(s, w, 0.0)
    moment.step_ms, moment.gpus = run.slowness * step_cost(s, w, max(1, gpus)), gpus
    moment.macs, moment.parameters = run.macs, run.parameters


@driver
def note_batch(state, w, active, moment):
    """How the active replicas stand now, (E,) moments."""
    for e in range(len(active)):
        if active[e]:
            _note(replica(state, e), w, moment[e])


@driver
def replay_batch(state, w, sequence, moment):
    """Play a sequence (E, D) in every replica from its start; moments (E, D + 1)."""
    for e in range(len(sequence)):
        s = replica(state, e)
        _note(s, w, moment[e, 0])
        for j in range(w.setup[0].decisions):
            play_one(s, w, sequence[e, j])
            _note(s, w, moment[e, j + 1])


@rule
def _copy(state, a, b):
    """Row `b` becomes as row `a` is."""
    state.run[b] = state.run[a]
    for k in range(state.stage.shape[1]):
        state.stage[b, k] = state.stage[a, k]
    for k in range(state.coefficient.shape[1]):
        state.coefficient[b, k] = state.coefficient[a, k]
    for k in range(state.taken.shape[1]):
        state.taken[b, k] = state.taken[a, k]


@driver
def search_tree(state, w, action, leaf, node):
    """Final accuracies of all sequences, depth first from row 0, a row for every level.

    `leaf` (L,) and `node` (N,) keep their values where a masked action leads.
    """
    last, actions = w.setup[0].decisions - 1, w.setup[0].actions
    node[0] = state.run[0].accuracy
    action[0], j = 0, 0
    while j >= 0:
        a = action[j]
        if a == actions:
            j -= 1
            if j >= 0:
                action[j] += 1
            continue
        if not legal(replica(state, j), w, a):
            action[j] += 1
            continue
        _copy(state, j, j + 1)
        below = replica(state, j + 1)
        play_one(below, w, a)
        if j == last:
            leaf[below.run[0].node - len(node)] = below.run[0].accuracy
            action[j] += 1
        else:
            node[below.run[0].node] = below.run[0].accuracy
            j += 1
            action[j] = 0
