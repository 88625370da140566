"""Look-ahead selection: try every candidate on a copy, keep the best."""

from .arithmetic import NEVER, us


def switch(simulator) -> None:
    """Choose the overrides that are in force from now on, if it is time."""
    state, plan = simulator.state, simulator.state.options.lookahead
    if not plan or state.imagined or not state.present():
        return
    if state.last_switch is not None and state.now < state.last_switch + state.every:
        return
    scores = [score(simulator, candidate) for candidate in plan["candidates"]]
    best = min(scores)
    if state.incumbent is None or scores[state.incumbent] > best:
        state.incumbent = scores.index(best)
    state.last_switch = state.now
    state.choices.append((state.now, state.incumbent))
    state.options = simulator.system.options.with_overrides(plan["candidates"][state.incumbent])


def score(simulator, candidate) -> int:
    """Total time in system of the jobs present now under a candidate."""
    state, system = simulator.state.copy(), simulator.system
    horizon = us(state.options.lookahead.get("horizon_s"))
    end = NEVER if horizon == NEVER else state.now + horizon
    state.imagined, state.options = True, system.options.with_overrides(candidate)
    jobs = list(state.present())
    simulator.imagine(state, end)
    finishes = [state.progress[n].finish for n in jobs]
    if end == NEVER and None in finishes:
        return NEVER
    return sum((end if f is None else f) - system.jobs[n].arrival
               for n, f in zip(jobs, finishes, strict=True))
