"""What the worker that asks is answered: every policy, chosen by its code."""
import math

from envs.core.jit import part, rule
from envs.core.philox import philox_uniform
from envs.dag.policy import call_user
from envs.dag.rules.memory import fits
from envs.dag.rules.quantities import (
    TILES,
    est,
    est_of,
    expected,
    fetch_of,
    is_able,
    least,
    missing,
    tail,
)
from envs.dag.rules.queues import DM, DMDAS, WS
from envs.dag.state import DONE, HELD, NEVER, NONE, ORDER, PLAN, RANK, READY, WAIT

(FIFO, RANDOM, RANDOM_WAIT, PRIO, LOCALITY, MCT_WAIT, MCT_WAIT_LOC) = range(7)      # POLICIES
JOB_FIFO, SJF, FAIR, STATIC, USER, ENV = range(12, 18)
RANDOM_STREAM = 6


@rule
def is_eligible(s, w, i, p):
    """Whether worker p may start the ready task i now."""
    return is_able(s, w, i, p) and fits(s, w, i, p)


@rule
def has_room(s, w, p):
    """Whether worker p may hold one more task."""
    return s.worker[p].held <= w.setup[0].prefetch


@part
def first_eligible(s, w, p):
    """The eligible task with the least ready number; NONE."""
    run = s.run[0]
    for k in range(run.order_head, run.order_tail):
        if is_eligible(s, w, s.lists[ORDER, k], p):
            return s.lists[ORDER, k]
    return NONE


@rule
def may_wait(s, w, p):
    """Whether something can still happen without worker p."""
    run = s.run[0]
    if w.setup[0].never:
        return False
    if run.held > 0 or run.arrived < run.jobs:
        return True
    for r in range(p + 1, w.setup[0].workers):
        if has_room(s, w, r) and first_eligible(s, w, r) != NONE:
            return True
    return False


@rule
def _random(s, w, p, with_wait):
    run, count = s.run[0], 0
    for k in range(run.order_head, run.order_tail):
        count += is_eligible(s, w, s.lists[ORDER, k], p)
    ways = count + (1 if with_wait and may_wait(s, w, p) else 0)
    number = int(philox_uniform(run.seed, RANDOM_STREAM, run.decisions, 0, 0) * ways)
    for k in range(run.order_head, run.order_tail):
        if is_eligible(s, w, s.lists[ORDER, k], p):
            if number == 0:
                return s.lists[ORDER, k]
            number -= 1
    return WAIT


@rule
def _is_best_here(s, w, i, p):
    """Whether no able worker is expected to finish task i before worker p."""
    here = est_of(s, w, i, p)
    for v in range(w.setup[0].workers):
        if v != p and is_able(s, w, i, v):
            kind = w.worker[v].kind
            if s.worker[v].free + expected(s, w, i, kind) < here and est_of(s, w, i, v) < here:
                return False
    return True


@rule
def _key(s, w, i, p, policy):
    """What a policy minimises before (-B, job, task)."""
    if policy == LOCALITY or policy == MCT_WAIT_LOC:
        return missing(s, w, i, p)
    if policy == JOB_FIFO:
        return s.task[i].job
    if policy == SJF:
        return s.job[s.task[i].job].work
    if policy == FAIR:
        return s.job[s.task[i].job].held
    return 0


@rule
def _is_hopeless(s, w, g, p):
    """Whether every task of a group must end sooner on another worker than on worker p."""
    setup, now = w.setup[0], s.run[0].now
    if w.cost[g, w.worker[p].kind] < 0:
        return True
    here = s.worker[p].free + w.cost[g, w.worker[p].kind]
    for v in range(setup.workers):
        ticks, moving = w.cost[g, w.worker[v].kind], w.cost[g, setup.types + w.worker[v].node]
        if v == p or ticks < 0:
            continue
        start = s.worker[v].free + moving
        if setup.comm != TILES or setup.prefetch > 0:
            start = max(s.worker[v].free, now + moving)
        if start + ticks < here:
            return True
    return False


@rule
def _judge_groups(s, w, p):
    """Mark the hopeless groups; how many ready tasks the others have, and those without one."""
    run = s.run[0]
    left = run.rank_tail - run.rank_head
    for g in range(w.setup[0].groups):
        group = s.group[g]
        group.hopeless = 0
        if group.ready > 0 and not (run.foresight and w.setup[0].noise):
            group.hopeless = _is_hopeless(s, w, g, p)
            left -= group.ready * group.hopeless
    return left


@rule
def _in_hopeless_group(s, w, i):
    g = w.task[s.task[i].info].group
    return g != NONE and s.group[g].hopeless != 0


@rule
def _by_priority(s, w, p, policy):
    """The least (key, -B, job, task), among those best placed here where the policy asks so.

    `sjf` and `fair` compare jobs: among equal keys the first job comes before the greatest B.
    """
    run, best, found = s.run[0], NEVER, WAIT
    picky = policy == MCT_WAIT or policy == MCT_WAIT_LOC
    by_job = policy == SJF or policy == FAIR
    if picky and _judge_groups(s, w, p) == 0:
        return WAIT
    for k in range(run.rank_head, run.rank_tail):
        i = s.lists[RANK, k]
        if (picky and _in_hopeless_group(s, w, i)) or not is_eligible(s, w, i, p):
            continue
        key = _key(s, w, i, p, policy)
        sooner = by_job and key == best and s.task[i].job < s.task[found].job
        if (key < best or sooner) and (not picky or _is_best_here(s, w, i, p)):
            best, found = key, i
            if policy == PRIO or policy == MCT_WAIT:
                break
    return found


@rule
def _from_own_queue(s, w, p, policy):
    """First; or least missing (dmdar), or least (-B, missing) (dmdas), ties by ready number."""
    i, found, best, best_key, best_rseq = s.worker[p].front, WAIT, NEVER, NEVER, NEVER
    while i != NONE:
        if is_eligible(s, w, i, p):
            if policy == DM or policy == DM + 1:
                return i
            first = -tail(s, i) if policy == DMDAS else 0
            key = missing(s, w, i, p)
            if (first < best or (first == best and key < best_key)
                    or (first == best and key == best_key and s.task[i].rseq < best_rseq)):
                best, best_key, best_rseq, found = first, key, s.task[i].rseq, i
        i = s.task[i].after
    return found


@rule
def _steal(s, w, p):
    """The rearmost of the own queue, else the frontmost of the longest other queue."""
    i = s.worker[p].back
    while i != NONE:
        if is_eligible(s, w, i, p):
            return i
        i = s.task[i].before
    longest, found = -1, WAIT
    for v in range(w.setup[0].workers):
        if v == p or s.worker[v].length <= longest:
            continue
        i = s.worker[v].front
        while i != NONE and not is_eligible(s, w, i, p):
            i = s.task[i].after
        if i != NONE:
            longest, found = s.worker[v].length, i
    return found


@rule
def _next_planned(s, w, p):
    worker = s.worker[p]
    while worker.next < worker.end:
        i = s.lists[PLAN, worker.next]
        if s.task[i].status != HELD and s.task[i].status != DONE:
            break
        worker.next += 1
    if worker.next == worker.end:
        return WAIT
    i = s.lists[PLAN, worker.next]
    return i if s.task[i].status == READY and is_eligible(s, w, i, p) else WAIT


@rule
def _best_other(s, w, i, p):
    """Least estimated finish on another able worker; NEVER."""
    best = NEVER
    for v in range(w.setup[0].workers):
        if v != p and is_able(s, w, i, v):
            best = min(best, est_of(s, w, i, v))
    return best


@part
def best_other(s, w, i, p):
    """The same, for observations."""
    return _best_other(s, w, i, p)


@rule
def _user(s, w, p):
    run, best, found = s.run[0], -1.0, WAIT
    for k in range(run.rank_head, run.rank_tail):
        i = s.lists[RANK, k]
        if not is_eligible(s, w, i, p):
            continue
        other = _best_other(s, w, i, p)
        score = call_user(w.setup[0].user, (
            float(run.now), float(expected(s, w, i, w.worker[p].kind)), float(least(s, w, i)),
            float(est(s, w, i, p, fetch_of(s, w, i, p)) - run.now),
            math.inf if other == NEVER else float(other - run.now), float(tail(s, i)),
            float(missing(s, w, i, p)), float(run.now - s.task[i].ready),
            float(w.task[s.task[i].info].succs), float(s.task[i].job)))
        if score >= 0.0 and score > best:
            best, found = score, i
    return found


@part
def choose(s, w, p, policy):
    """The answer of a policy to worker p: an eligible task, or WAIT."""
    if policy == FIFO:
        return first_eligible(s, w, p)
    if policy == RANDOM or policy == RANDOM_WAIT:
        return _random(s, w, p, policy == RANDOM_WAIT)
    if policy == WS:
        return _steal(s, w, p)
    if DM <= policy < WS:
        return _from_own_queue(s, w, p, policy)
    if policy == STATIC:
        return _next_planned(s, w, p)
    if policy == USER:
        return _user(s, w, p)
    return _by_priority(s, w, p, policy)
