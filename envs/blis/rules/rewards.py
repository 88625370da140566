"""What an agent is paid for (section 10)."""
from envs.blis.rules.advance import advance
from envs.blis.rules.plans import commit
from envs.blis.rules.windows import open_window
from envs.blis.state import WINDOW_END
from envs.core.jit import rule


@rule
def failed(s):
    """Late and dropped requests of the window."""
    count = 0
    for k in range(len(s.family)):
        count += s.family[k].late + s.family[k].dropped
    return count


@rule
def counts_reward(s, work):
    """Minus the failed requests of the window that was simulated."""
    total = 0
    for k in range(len(s.family)):
        total += s.family[k].arrivals
    reward = float(-failed(s))
    if work.rules[0].normalise:
        reward /= max(1, total)
    return reward


@rule
def lookahead_reward(scratch, work):
    """Minus the failures until some further arrivals are handled under the pending plan.

    `scratch` is a copy of the replica; it is spent.
    """
    run = scratch.run[0]
    open_window(scratch)
    commit(scratch, work, False)
    run.budget = min(work.rules[0].lookahead, run.last - run.cursor)
    lost = 0
    while advance(scratch, work) == WINDOW_END:
        lost += failed(scratch)
        open_window(scratch)
    return float(-(lost + failed(scratch)))


@rule
def variants_reward(s, work):
    """Met requests and their accuracy, less a price for reallocations."""
    rules = work.rules[0]
    met = 0
    resolved = 0
    accuracy = 0.0
    for k in range(len(s.family)):
        f = s.family[k]
        met += f.met
        resolved += f.met + f.late + f.dropped
        accuracy += f.accuracy_met
    price = rules.w_move * s.run[0].window_reallocations / len(s.device)
    if rules.per_window == 0:
        earned = rules.w_slo * met + rules.w_acc * accuracy / 100
        return earned / rules.request_scale - price
    attained = 1.0
    mean = 100.0
    if resolved > 0:
        attained = met / resolved
        mean = accuracy / met if met > 0 else 0.0
    return rules.w_slo * attained + rules.w_acc * mean / 100 - price
