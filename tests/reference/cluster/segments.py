"""How segments begin and end."""

from .arithmetic import NEVER, need
from .decision import Decision, Launch, give_back, take
from .entities import FINISHED, RUNNING, WAITING, Segment
from .ordering import bonus


def apply(system, state, decision: Decision) -> None:
    """Close the segments of those who are stopped, then begin the launches, by number."""
    for number in sorted(decision.stopped):
        held = state.progress[number].segment.gpus
        again = decision.launches.get(number)
        reason = "preempt" if again is None else "migrate" if again.gpus == held else "rescale"
        stop(state, number, reason)
    for number in sorted(decision.launches):
        begin(system, state, number, decision.launches[number])


def begin(system, state, number: int, launch: Launch) -> None:
    """A segment that begins now."""
    job, progress, t = system.jobs[number], state.progress[number], state.now
    productive = t + (job.kind.restart if progress.launches else job.kind.launch)
    rate = system.rate(job, launch.gpus, launch.gpu_type, launch.places)
    level = system.level(launch.gpus, launch.gpu_type, launch.places)
    progress.bonus = bonus(state, number)
    progress.segment = Segment(
        number, t, productive, launch.gpus, launch.gpu_type, level, rate, progress.left,
        productive + need(progress.left, rate), launch.places)
    progress.status, progress.launches = RUNNING, progress.launches + 1
    progress.first_start = t if progress.first_start is None else progress.first_start
    take(state.free, launch.places)


def finish(state, number: int) -> None:
    """A running job is done."""
    progress = state.progress[number]
    boundary = state.options.in_rounds and state.options.completion == "boundary"
    progress.finish = state.now if boundary else progress.segment.finish
    progress.left = 0.0
    _close(state, number, progress.finish, "finish")
    progress.status = FINISHED
    state.unfinished.remove(number)


def stop(state, number: int, reason: str) -> None:
    """A running job loses its GPUs before it is done."""
    progress, segment, t = state.progress[number], state.progress[number].segment, state.now
    progress.left = segment.left(t)
    if reason == "fail":
        progress.left = max(0.0, segment.work - segment.rate * _kept(state, number))
        progress.lost += progress.left - segment.left(t)
    if reason in ("drain", "fail"):
        progress.evictions += 1
    else:
        progress.preemptions += 1
    _close(state, number, t, reason)
    progress.status = WAITING
    progress.clock = t + (state.options.round if state.options.in_rounds else 0)


def _kept(state, number: int) -> int:
    """Productive time that survives a failure."""
    every = state.system.jobs[number].kind.checkpoint
    run = max(0, state.now - state.progress[number].segment.productive)
    if every == 0:
        return run
    return 0 if every == NEVER else run // every * every


def _close(state, number: int, end: int, reason: str) -> None:
    progress, segment = state.progress[number], state.progress[number].segment
    segment.end, segment.reason = end, reason
    progress.att += end - segment.start
    progress.gatt += (end - segment.start) * segment.gpus
    progress.overhead += min(end, segment.productive) - segment.start
    progress.segment = None
    state.segments.append(segment)
    give_back(state.free, segment.places)
