"""The order policies: integer keys, smallest first."""

from .arithmetic import NEVER, h, q
from .system import Sample


def ranked(system, state) -> list[int]:
    """Active jobs from the most to the least important."""
    return sorted(state.active(), key=lambda n: (*rank(system, state, n), k2(state, n), n))


def rank(system, state, number: int) -> tuple[int, int]:
    """(boost flag, k1), by which strict preemption decides."""
    return 0 if state.progress[number].boosted else 1, k1(system, state, number)


def k2(state, number: int) -> int:
    """Entry time of the queue under `tiresias`."""
    return state.progress[number].entered if state.options.order == "tiresias" else 0


def planned_left(system, state, number: int) -> float:
    """Work left as the scheduler sees it."""
    job, left = system.jobs[number], state.progress[number].left_at(state.now)
    if state.options.size == "oracle":
        return left
    return max(0.0, job.estimate - (job.work - left))


def k1(system, state, number: int) -> int:
    """The first key of the order in force."""
    order, job, progress, t = (
        state.options.order, system.jobs[number], state.progress[number], state.now)
    if order == "fifo":
        return job.arrival
    if order == "random":
        return h(state.options.seed, 1, number)
    if order == "sjf":
        return q(job.work if state.options.size == "oracle" else job.estimate)
    if order == "sjf-gpus":
        return job.gpus
    if order == "las":
        return progress.attained(t)
    if order == "las-gpu":
        return progress.gpu_attained(t)
    if order == "tiresias":
        return progress.queue
    if order == "gittins":
        return gittins(system.sample, progress.gpu_attained(t), state.options.gittins_delta_gpu)
    if order == "priority":
        return -(job.priority + bonus(state, number))
    if order == "edf":
        return job.deadline
    return _by_work_left(order, job, planned_left(system, state, number), t)


def _by_work_left(order: str, job, left: float, t: int) -> int:
    if order == "srtf":
        return q(left)
    if order == "srtf-gpu":
        return q(left * job.gpus)
    if order == "llf":
        return NEVER if job.deadline == NEVER else job.deadline - t - q(left)
    if order == "hrrn":
        return -q(1e6 * ((t - job.arrival) / max(1, left)))
    raise KeyError(order)


def bonus(state, number: int) -> int:
    """Priority won by waiting; a running job keeps that of its launch."""
    progress, age = state.progress[number], state.options.age
    return progress.bonus if progress.segment else progress.wait(state.now) // age


def gittins(sample: Sample, attained: int, quantum: int) -> int:
    """Expected GPU time per expected completion within the next quantum."""
    a = attained // quantum * quantum
    n, inside, beyond = sample.between(a, a + quantum)
    c = inside - n * a + beyond * quantum
    return (2 * c + n) // (2 * n) if n else NEVER


def queue_service(state, number: int, t: int) -> int:
    """GPU time since arrival or the last promotion."""
    progress = state.progress[number]
    return progress.gpu_attained(t) - progress.gatt_at_promotion


def promotion_wait(state, number: int) -> int:
    """Waiting time after which a job returns to the first queue."""
    progress, factor = state.progress[number], state.options.promote
    if factor is None or factor == float("inf"):
        return NEVER
    return q(factor * (progress.attained(state.now) - progress.att_at_promotion))


def upkeep(state) -> None:
    """Boosts, promotions, queues, by number."""
    for number in state.active():
        progress = state.progress[number]
        wait = progress.wait(state.now)
        if state.waits(number) and wait >= state.options.boost_after:
            progress.boosted = True
        if state.options.order == "tiresias":
            if state.waits(number) and progress.queue > 0 and (
                    wait >= promotion_wait(state, number)):
                promote(state, number)
            enter(state, number, sum(
                limit <= queue_service(state, number, state.now)
                for limit in state.options.queue_limits))


def promote(state, number: int) -> None:
    """Start again in the first queue with zero queue service."""
    progress = state.progress[number]
    progress.att_at_promotion, progress.gatt_at_promotion = progress.att, progress.gatt
    enter(state, number, 0)


def enter(state, number: int, queue: int) -> None:
    """Take a place in a queue; the time of a change is remembered."""
    progress = state.progress[number]
    if queue != progress.queue:
        progress.queue, progress.entered = queue, state.now
