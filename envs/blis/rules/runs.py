"""Drivers of whole-trace runs: loops over the replicas of a batch."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.blis.rules.advance import advance
from envs.blis.rules.plans import commit
from envs.blis.rules.windows import is_over, open_window, reset
from envs.blis.state import (
    DUE,
    LOG_FULL,
    OUT_OF_DRAWS,
    OVER,
    PAUSED,
    RUNNING,
    WEIGHTED,
    WINDOW,
    WINDOW_END,
    Replica,
)
from envs.core.jit import driver, records, rule


class Log(NamedTuple):
    """What is kept of every window; second axis: windows since the log was emptied."""

    family: np.ndarray     # (E, W, K) WINDOW
    busy: np.ndarray       # (E, W, D) ms inside batches
    target: np.ndarray     # (E, W, D) variant that a device should host at the end, -1 none
    moved: np.ndarray      # (E, W) reallocations
    length: np.ndarray     # (E,) windows in the log


def make_log(envs: int, windows: int, devices: int, families: int) -> Log:
    """An empty log."""
    return Log(records(np.zeros((envs, windows, families), WINDOW)),
               np.zeros((envs, windows, devices)), np.zeros((envs, windows, devices), np.int32),
               np.zeros((envs, windows), np.int64), np.zeros(envs, np.int64))


@rule
def replica(state, e):
    """Row `e` of the batch."""
    return Replica(state.run[e:e + 1], state.device[e], state.clock[e], state.family[e],
                   state.level[e], state.history[e], state.ring[e], state.outcome[e])


@rule
def _write_log(s, log, e):
    w = log.length[e]
    log.length[e] += 1
    log.moved[e, w] = s.run[0].window_reallocations
    for k in range(len(s.family)):
        f = s.family[k]
        row = log.family[e, w, k]
        row.arrivals = f.arrivals
        row.met = f.met
        row.late = f.late
        row.dropped = f.dropped
        row.queue = f.queued
        row.accuracy_met = f.accuracy_met
        row.accuracy_completed = f.accuracy_done
        row.missed = 0
        for q in range(s.level.shape[1]):
            row.missed += s.level[k, q].missed
    for i in range(len(s.device)):
        device = s.device[i]
        log.busy[e, w, i] = device.busy
        if device.event == RUNNING:
            log.busy[e, w, i] += s.run[0].now - max(device.batch_start, s.run[0].window_start)
        log.target[e, w, i] = device.target


@driver
def reset_batch(state, chosen, seed, first, last, offset, windows):
    """Empty the chosen replicas; the plan of time 0 is still to be committed."""
    for e in range(len(chosen)):
        if chosen[e]:
            reset(replica(state, e), seed[e], first[e], last[e], offset[e], windows[e])


@rule
def _run(s, work, log, e, stop):
    """Commit a plan that waits, then replay until a plan is due, the end, or the host must act."""
    run = s.run[0]
    if run.planned:
        open_window(s)
        commit(s, work, run.planned == WEIGHTED)
        run.planned = 0
        run.started = 1
    if run.out_of_draws:
        return OUT_OF_DRAWS
    if run.window + run.closed >= stop:
        return DUE
    kept = log.moved.shape[1]
    while True:
        if kept > 0 and log.length[e] == kept:
            return LOG_FULL
        open_window(s)
        code = advance(s, work)
        if code != WINDOW_END:
            return code
        if kept > 0:
            _write_log(s, log, e)
        if is_over(s):
            return OVER
        if run.window + 1 >= stop:
            return DUE


@driver
def run_batch(state, work, log, stop):
    """Replay every replica that is not done up to the start of window `stop`.

    `stop` = 0 commits plans and replays nothing.
    """
    for e in range(len(stop)):
        s = replica(state, e)
        run = s.run[0]
        if run.code != OVER and run.code != DUE and run.code != PAUSED:
            run.code = _run(s, work, log, e, stop[e])
