"""What the agent sees before a decision and at the end, unclipped; the rewards of an episode."""
import math
from itertools import pairwise

from tests.reference.net2net.job import Job
from tests.reference.net2net.networks import DEEPEST

NEAR = 1e-9
SLOT = 8


def observation(job, accuracies):
    """The vector of a job before decision j; accuracies of decisions 0 ... j, None: unknown."""
    return [*_general(job, accuracies), *_stages(job), *_actions(job), *_layers(job)]


def _general(job, accuracies):
    network, x, budget, gpus = job.network, job.x, job.budget, max(1, job.gpus())
    base_ms = job.step_ms(network.base, 1)
    changed = max(time for time, _ in job.timeline if time <= job.t + NEAR)
    return [
        job.t / budget,
        ([*job.times, budget, budget][job.j + 1] - job.t) / budget,
        math.log10(budget / base_ms) / 5,
        job.j / job.decisions,
        sum(a > 0 for a in job.taken) / job.decisions,
        job.rate(),
        job.gpus() / max(g for _, g in job.timeline),
        (job.t - changed) / budget,
        math.log2(job.step_ms(x, gpus) / base_ms) / 4,
        math.log2(network.parameters(x) / network.parameters(network.base)) / 8,
        math.log2(network.macs(x) / network.macs(network.base)) / 8,
        *_accuracy(accuracies), *_losses(job.losses()),
        1 if job.last_edit is None else (job.t - job.last_edit) / budget]


def _accuracy(accuracies):
    """Flag, now, before, change."""
    now, last = accuracies[-1], accuracies[-2] if accuracies[1:] else None
    if now is None:
        return 0, 0, 0, 0
    return (1, now, 0, 0) if last is None else (1, now, last, now - last)


def _losses(losses):
    """Flag, validation, training, difference."""
    if losses is None:
        return 0, 0, 0, 0
    validation, training = (min(x, 4) / 4 for x in losses)
    return 1, validation, training, validation - training


def _stages(job):
    total = job.network.macs(job.x)
    return [value for (depth, width, kernel), macs
            in zip(job.x, job.network.stage_macs(job.x), strict=True)
            for value in (depth / 8, math.log2(width) / 7, kernel / 7, macs / total)]


def _actions(job):
    network, gpus, found = job.network, max(1, job.gpus()), []
    for action, free in enumerate(job.mask()):
        new = job.after(action)[-1] if action and free else job.x
        found.append(math.log2(job.step_ms(new, gpus) / job.step_ms(job.x, gpus)) / 4)
        found.append(math.log2(network.parameters(new) / network.parameters(job.x)) / 4)
    return found


def _layers(job):
    network, before, slots = job.network, job.network.cin, []
    own = network.hw[0] * network.hw[1]
    for s, (depth, width, kernel) in enumerate(job.x):
        for i in range(depth):
            slots.append([1, 0, 0, math.log2(before) / 8, math.log2(width) / 8, kernel / 7,
                          network.pixels(s) / own, int(i >= network.base[s][0])])
            before = width
        if network.pooled[s]:
            both = math.log2(width) / 8
            slots.append([0, 1, 0, both, both, 2 / 7, network.pooled[s] / own, 0])
    if network.head != "none":
        slots.append([0, 0, 1, math.log2(network.head_inputs(job.x)) / 8,
                      math.log2(network.classes) / 8, 0, 0, 0])
    empty = network.stages * (DEEPEST + 1) - len(slots)
    return [value for slot in slots for value in slot] + [0] * SLOT * empty


def episode(case, seed=0, gpu_cost=.05):
    """Observations, masks, rewards by name, accuracies and GPU-seconds of one sequence."""
    job = Job(case, seed)
    accuracies, spent = [1 - job.noisy()], [job.gpu_ms]
    observations, masks = [], []
    for action in case["sequence"]:
        observations.append(observation(job, accuracies))
        masks.append(job.mask())
        job.act(action)
        accuracies.append(1 - job.noisy())
        spent.append(job.gpu_ms)
    return {"observations": observations, "masks": masks,
            "rewards": rewards(accuracies, spent, gpu_cost), "accuracy": accuracies,
            "gpu_seconds": job.gpu_ms / 1000}


def rewards(accuracies, spent, gpu_cost):
    """Rewards of every step; spent = GPU-milliseconds up to each decision and the end."""
    last, steps = accuracies[-1], len(accuracies) - 1
    final = [0.0] * (steps - 1) + [last]
    read = [0.0, *accuracies[1:]]
    return {"final": final,
            "delta": [b - a for a, b in pairwise(read)],
            "tan": [0.0] * (steps - 1) + [100 * math.tan(math.pi / 2 * min(last, .99))],
            "cost": [r - gpu_cost * (b - a) / 1000
                     for r, (a, b) in zip(final, pairwise(spent), strict=True)]}
