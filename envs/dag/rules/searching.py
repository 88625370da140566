"""Clairvoyant values of a state: a bound, a policy that knows durations, exhaustive search."""
from envs.core.jit import driver, part, rule
from envs.dag.rules.choices import is_eligible, may_wait
from envs.dag.rules.quantities import least_actual, refresh_free
from envs.dag.rules.ready import insert_by_rank
from envs.dag.rules.resets import replica
from envs.dag.rules.rounds import play
from envs.dag.state import ASKS, DONE, NEVER, NONE, ORDER, OVER, WAIT


@rule
def _lower_bound(s, w):
    """No schedule from here ends before this tick."""
    run = s.run[0]
    bound = run.now
    for p in range(w.setup[0].workers):
        i = s.worker[p].first
        while i != NONE:
            task = s.task[i]
            if task.finish < NEVER:
                bound = max(bound, task.finish + task.whole - least_actual(s, w, i))
            else:
                bound = max(bound, run.now + task.whole)
            i = task.after
    for k in range(run.order_head, run.order_tail):
        bound = max(bound, run.now + s.task[s.lists[ORDER, k]].whole)
    return bound


@driver
def bound_batch(state, w, active, out):
    """The lower bound of every active replica."""
    for e in range(len(active)):
        if active[e]:
            out[e] = _lower_bound(replica(state, e), w)


@part
def _foresee(s, w):
    """From here estimates use actual durations and priorities whole paths."""
    run = s.run[0]
    run.foresight = 1
    for j in range(run.jobs):
        s.job[j].work = 0
    for i in range(run.tasks):
        s.task[i].rank = s.task[i].foreseen
        if s.task[i].status != DONE:
            s.job[s.task[i].job].work += least_actual(s, w, i)
    run.rank_head = run.rank_tail = run.tasks // 2
    for k in range(run.order_head, run.order_tail):
        insert_by_rank(s, s.lists[ORDER, k])
    for p in range(w.setup[0].workers):
        refresh_free(s, w, p)


@driver
def rollout_batch(state, w, active, policy):
    """A policy that knows actual durations finishes the active replicas."""
    for e in range(len(active)):
        if active[e]:
            s = replica(state, e)
            run = s.run[0]
            if run.code == ASKS:
                _foresee(s, w)
                run.policy, run.until = policy, NEVER
                play(s, w)


@rule
def _spent(s):
    """Makespan, and sum of completion times, of a replica that is over."""
    total = 0.0
    for j in range(s.run[0].jobs):
        total += s.job[j].finish - s.job[j].arrival
    return s.run[0].last_finish, total


@driver
def value_batch(state, w, raw, spare, spare_raw, picks, mask, policy, makespan, completion):
    """What every legal action of the replicas that ask leads to, if from then on a policy that
    knows actual durations goes on: (E, K + 1) ticks. `spare` has a row per replica to play in."""
    last = picks.shape[1]
    for e in range(len(mask)):
        for k in range(last + 1):
            if mask[e, k] == 0 or state.run[e].code != ASKS:
                continue
            for b in range(raw.shape[1]):
                spare_raw[e, b] = raw[e, b]
            s = replica(spare, e)
            run = s.run[0]
            _foresee(s, w)
            run.policy, run.until = policy, NEVER
            run.answer = WAIT if k == last else picks[e, k]
            play(s, w)
            makespan[e, k], completion[e, k] = _spent(s)


@rule
def _option(s, w, number):
    """Answer `number` to the question: eligible tasks by ready number, then WAIT; below WAIT after
    the last."""
    run = s.run[0]
    for k in range(run.order_head, run.order_tail):
        if is_eligible(s, w, s.lists[ORDER, k], run.asking):
            if number == 0:
                return s.lists[ORDER, k]
            number -= 1
    return WAIT if number == 0 and may_wait(s, w, run.asking) else WAIT - 1


@rule
def _copy_row(raw, source, target):
    for k in range(raw.shape[1]):
        raw[target, k] = raw[source, k]


@driver
def search_rows(state, w, raw, tried, path, best_path, limit):
    """Depth first from row 0, which asks; row d holds the state after d answers.

    `raw` is the block as (rows, words); `tried`, `path`, `best_path` have one place per row.
    Returns the least makespan (NEVER: none found), the length of its path, the states expanded,
    and whether the search is complete.
    """
    depth, best, length, nodes = 0, NEVER, 0, 1
    tried[0] = 0
    while depth >= 0:
        answer = _option(replica(state, depth), w, tried[depth])
        if answer < WAIT:
            depth -= 1
            continue
        if nodes >= limit or depth + 1 == raw.shape[0]:
            return best, length, nodes, False
        tried[depth] += 1
        path[depth] = answer
        _copy_row(raw, depth, depth + 1)
        s = replica(state, depth + 1)
        s.run[0].answer = answer
        play(s, w)
        if s.run[0].code == OVER:
            if s.run[0].last_finish < best:
                best, length = s.run[0].last_finish, depth + 1
                for k in range(length):
                    best_path[k] = path[k]
        elif _lower_bound(s, w) < best:
            depth += 1
            tried[depth] = 0
            nodes += 1
    return best, length, nodes, True
