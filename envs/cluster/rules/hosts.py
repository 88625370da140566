"""What the host tells a replica between two calls of the kernel."""
from envs.cluster.rules.realise import clear_choices
from envs.cluster.rules.runs import replica
from envs.cluster.rules.shares import note_deal
from envs.cluster.state import (
    ADMIT,
    NEVER,
    RANKED,
    READY,
    SETTLE,
)
from envs.core.jit import driver, part


@driver
def accept_shares(state, e):
    """New shares are written to `pair`; the round goes on."""
    s = replica(state, e)
    run = s.run[0]
    note_deal(s, run.now)
    run.phase, run.code = SETTLE, READY


@driver
def accept_sizes(state, e, jobs, kinds, gpus):
    """Types and sizes of jobs, in the order of choice; 0 GPUs: nothing."""
    s = replica(state, e)
    run = s.run[0]
    clear_choices(s)
    chosen = 0
    for k in range(len(jobs)):
        if gpus[k] > 0:
            job = s.job[jobs[k]]
            job.plan_type, job.plan_gpus = kinds[k], gpus[k]
            s.lists[RANKED, chosen] = jobs[k]
            chosen += 1
    run.chosen = chosen
    run.phase, run.code = SETTLE, READY


@part
def go_on_with(s, rules, following):
    """Another row of rules is in force from step 5 of this instant."""
    run = s.run[0]
    run.rules, run.next_switch = rules, following
    run.switched = 1
    run.calm = 0
    run.phase, run.code = ADMIT, READY


@driver
def switch_rules(state, e, rules, following):
    """`go_on_with` for replica e of a batch."""
    go_on_with(replica(state, e), rules, following)


@driver
def close_future(state, w, rules, until):
    """Candidates: replica e follows its row of rules; nothing arrives, fails or switches."""
    for e in range(len(rules)):
        s = replica(state, e)
        run = s.run[0]
        run.jobs, run.event, run.until = run.arrived, len(w.event), until[e]
        run.tracked_left = -1
        go_on_with(s, rules[e], NEVER)
