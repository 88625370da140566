"""The next instant."""

from collections.abc import Iterator

from .arithmetic import NEVER, ceil_div
from .ordering import promotion_wait, queue_service


def of_waiting_jobs(system, state, finder) -> Iterator[int]:
    """Timers of jobs that wait: boost, promotion, relaxed placement."""
    o = state.options
    for number in state.waiting():
        progress = state.progress[number]
        if o.boost_after < NEVER and not progress.boosted:
            yield progress.clock + o.boost_after
        if o.order == "tiresias" and progress.queue > 0:
            wait = promotion_wait(state, number)
            if wait < NEVER:
                yield progress.clock + wait
        if o.placement == "consolidated" and o.relax_after < NEVER and (
                finder.must_consolidate(number)):
            yield progress.clock + o.relax_after


def while_running(system, state) -> Iterator[int]:
    """Timers that matter only while at least one job runs."""
    o, running, waiting = state.options, state.running(), state.waiting()
    if not running:
        return
    for number in running:
        segment = state.progress[number].segment
        if o.order == "tiresias":
            service = queue_service(state, number, segment.start)
            for limit in o.queue_limits:
                yield segment.start + ceil_div(limit - service, segment.gpus)
        if o.order == "gittins":
            d, attained = o.gittins_delta_gpu, state.progress[number].gpu_attained(state.now)
            rest = (attained // d + 1) * d - state.progress[number].gatt
            yield segment.start + ceil_div(rest, segment.gpus)
    if o.order == "priority" and o.age < NEVER:
        for number in waiting:
            progress = state.progress[number]
            yield progress.clock + o.age * (progress.wait(state.now) // o.age + 1)
    if o.quantum < NEVER and waiting:
        yield state.now + o.quantum


def of_lookahead(system, state) -> Iterator[int]:
    """The next switch."""
    more = state.running() or state.next_arrival() < NEVER or state.next_event() < NEVER
    if state.options.lookahead and not state.imagined and state.present() and more:
        yield state.last_switch + state.every


def later(times: Iterator[int], t: int) -> int:
    """The earliest time after an instant, or never."""
    return min((x for x in times if x > t), default=NEVER)
