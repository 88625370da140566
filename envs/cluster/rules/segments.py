"""Segments: a job gets its GPUs, keeps them for a while, and gives them back."""
import math

from envs.cluster.rules.pieces import forget, give, level_of, take
from envs.cluster.rules.quantities import left_at, need, overhead_of, rate_of, waited
from envs.cluster.state import (
    DRAIN,
    FAIL,
    FINISH,
    FINISHED,
    FREE,
    NEVER,
    NONE,
    RUN,
    RUNNING,
    WAITING,
)
from envs.core.jit import part, rule


@rule
def expected_end(s, w, rules, t, ready, work, rate):
    """Expected end e() of a reservation: the next boundary in round mode."""
    end = ready + need(work, rate)
    if rules.events:
        return end
    return (end + rules.period - 1) // rules.period * rules.period


@part
def begin_segment(s, w, i, t):
    """Job i starts on its planned place, which is free."""
    run, job = s.run[0], s.job[i]
    job.piece, job.gpu_type, job.held, job.nodes = (job.plan_piece, job.plan_type, job.plan_gpus,
                                                    job.plan_nodes)
    job.plan_piece, job.plan_gpus = NONE, 0
    take(s, FREE, job.piece)
    job.level = level_of(s, job.piece, job.gpu_type, job.held, job.nodes)
    job.rate = rate_of(job, w, job.held, job.gpu_type, job.level, job.nodes)
    rules = w.rules[s.run[0].rules]
    if rules.age < NEVER:
        job.bonus = waited(job, t) // rules.age
    job.start, job.ready = t, t + overhead_of(job, w)
    job.end = job.ready + need(job.left, job.rate)
    job.status = RUNNING
    job.launches += 1
    job.largest = max(job.largest, job.held)
    if job.first_start == NONE:
        job.first_start = t
    s.lists[RUN, run.running] = i
    run.running += 1


@rule
def _log_segment(s, i, end, reason):
    run, job = s.run[0], s.job[i]
    piece = job.piece
    while piece != NONE:
        row = s.log[run.logged]
        row.job, row.start, row.end, row.first = i, job.start, end, piece == job.piece
        row.gpu_type, row.level, row.reason = job.gpu_type, job.level, reason
        row.node, row.gpus = s.piece[piece].node, s.piece[piece].gpus
        run.logged += 1
        piece = s.piece[piece].next


@rule
def _survivor(job, w, end):
    """Work left after a node failure: what was done since the last checkpoint is lost."""
    spent = max(0, end - job.ready)
    every = w.cls[job.cls].checkpoint
    kept = float(spent)
    if every >= NEVER:
        kept = 0.0
    elif every > 0:
        kept = float(every) * math.floor(spent / every)
    left = max(0.0, job.left - job.rate * kept)
    job.lost += left - left_at(job, end)
    return left


@part
def end_segment(s, w, i, end, reason):
    """Close the segment of job i; the caller takes it from the running ones."""
    job, rules = s.job[i], w.rules[s.run[0].rules]
    if rules.recorded:
        _log_segment(s, i, end, reason)
    left = left_at(job, end)
    if reason == FAIL:
        left = _survivor(job, w, end)
    job.att += end - job.start
    job.gatt += (end - job.start) * job.held
    job.overhead += min(end, job.ready) - job.start
    give(s, FREE, job.piece)
    forget(s, job.piece)
    job.piece, job.held = NONE, 0
    if reason == FINISH:
        job.left, job.status, job.finish = 0.0, FINISHED, end
        return
    job.left, job.status, job.bonus = left, WAITING, 0
    job.z = end
    if not rules.events:
        job.z = end + rules.period
    if reason == DRAIN or reason == FAIL:
        job.evictions += 1
    else:
        job.preemptions += 1
