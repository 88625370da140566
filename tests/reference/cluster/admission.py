"""Who of the held jobs becomes active."""

from .entities import WAITING


def admit(system, state) -> None:
    """Look at the held jobs by number."""
    {"all": _all, "load": _load, "quota": _quota}[state.options.admission](system, state)


def _all(system, state) -> None:
    for number in state.held():
        _enter(state, number)


def _load(system, state) -> None:
    bound = state.options.theta * state.up_gpus()
    wanted = sum(system.jobs[n].gpus for n in state.active())
    for number in state.held():
        if wanted > bound:
            return
        _enter(state, number)
        wanted += system.jobs[number].gpus


def _quota(system, state) -> None:
    used: dict[int, int] = {}
    for number in state.active():
        job = system.jobs[number]
        used[job.tenant] = used.get(job.tenant, 0) + job.gpus
    refused = set()
    for number in state.held():
        job = system.jobs[number]
        wanted = used.get(job.tenant, 0) + job.gpus
        if job.tenant in refused or wanted > state.options.quota[str(job.tenant)]:
            refused.add(job.tenant)
            continue
        used[job.tenant] = wanted
        _enter(state, number)


def _enter(state, number: int) -> None:
    progress = state.progress[number]
    progress.status, progress.admitted = WAITING, state.now
    progress.clock = progress.entered = state.now
