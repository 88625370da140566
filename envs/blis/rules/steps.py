"""Drivers of the environments: one step of every replica of a batch."""
from envs.blis.rules.actions import set_counts, set_variants, write_mask
from envs.blis.rules.advance import advance
from envs.blis.rules.observe import observe_counts, observe_variants
from envs.blis.rules.plans import commit, restore_plan
from envs.blis.rules.requests import slot
from envs.blis.rules.rewards import counts_reward, lookahead_reward, variants_reward
from envs.blis.rules.runs import replica
from envs.blis.rules.windows import nothing_left, open_window
from envs.blis.state import NO_ROOM, READY, RING_FULL, WINDOW_END
from envs.core.jit import driver, rule


@rule
def _copy(source, target):
    """Words of one row."""
    for n in range(len(source)):
        target[n] = source[n]


@rule
def _look_ahead(state, scratch, words, scratch_words, work, e):
    """The lookahead reward of replica `e`, which is left as it is."""
    for part in range(2):
        _copy(words[part][e], scratch_words[part][e])
    return lookahead_reward(replica(scratch, e), work)


@rule
def _has_room(s, work):
    """The ring takes the arrivals of a lookahead; without it the host grows the ring first."""
    run = s.run[0]
    while run.oldest < run.cursor and s.ring[slot(s, run.oldest)].flags == 0:
        run.oldest += 1
    return run.cursor - run.oldest + work.rules[0].lookahead < len(s.ring)


@rule
def _simulate(s, work):
    """Commit the pending plan, unless that is done already, and replay one window."""
    run = s.run[0]
    if run.code == READY:
        open_window(s)
        commit(s, work, False)
    run.code = advance(s, work)
    if run.code == WINDOW_END:
        restore_plan(s)


@rule
def _step_counts(state, scratch, words, scratch_words, work, e, action):
    """One action of `sched/Blis-v0`; the reward."""
    s = replica(state, e)
    run = s.run[0]
    reward = 0.0
    if run.code != RING_FULL:
        if work.rules[0].lookahead > 0 and not _has_room(s, work):
            run.code = NO_ROOM
            return reward
        run.code = READY
        set_counts(s, work, action)
        run.turn += 1
        if work.rules[0].lookahead > 0:
            reward = _look_ahead(state, scratch, words, scratch_words, work, e)
    if run.turn < work.rules[0].actions:
        run.code = WINDOW_END
        return reward
    _simulate(s, work)
    if run.code == WINDOW_END:
        run.turn = 0
        if work.rules[0].lookahead == 0:
            reward = counts_reward(s, work)
    return reward


@driver
def step_counts(state, work, scratch, words, scratch_words, action, reward, observation):
    """`sched/Blis-v0`: an action of every replica that has not done its step."""
    for e in range(len(reward)):
        if state.run[e].code != WINDOW_END:
            reward[e] += _step_counts(state, scratch, words, scratch_words, work, e, action[e])
            observe_counts(replica(state, e), work, observation[e])


@driver
def step_variants(state, work, action, reward, observation, mask):
    """`sched/BlisAccuracy-v0`: likewise; also writes the masks."""
    for e in range(len(reward)):
        s = replica(state, e)
        run = s.run[0]
        if run.code == WINDOW_END:
            continue
        if run.code == READY:
            set_variants(s, work, action[e])
        _simulate(s, work)
        if run.code == WINDOW_END:
            reward[e] = variants_reward(s, work)
            observe_variants(s, work, observation[e])
            write_mask(s, work, mask[e])


@driver
def see_counts(state, work, observation):
    """What every replica of `sched/Blis-v0` shows now."""
    for e in range(len(observation)):
        observe_counts(replica(state, e), work, observation[e])


@driver
def see_variants(state, work, observation, mask):
    """What every replica of `sched/BlisAccuracy-v0` shows now, and its mask."""
    for e in range(len(observation)):
        observe_variants(replica(state, e), work, observation[e])
        write_mask(replica(state, e), work, mask[e])


@driver
def ended(state, over, idle):
    """Whether the last window is done, and whether nothing can happen any more."""
    for e in range(len(over)):
        s = replica(state, e)
        run = s.run[0]
        over[e] = False
        idle[e] = False
        if run.closed and run.turn == 0:
            over[e] = run.windows >= 0 and run.window + 1 >= run.windows
            idle[e] = nothing_left(s)
