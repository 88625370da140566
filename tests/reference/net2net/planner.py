"""Every sequence, and the best of them."""
from copy import deepcopy

from tests.reference.net2net.job import Job

NEAR = 1e-12


def leaves(case, seed=0):
    """(sequence, final accuracy without noise) of all sequences without a masked action.

    `seed` is behind parameters that vary.
    """
    return list(_below(Job(case, seed)))


def scores(case, accuracy, seed=0):
    """Where an accuracy lies among those of all sequences; `normalised` may be None."""
    values = [value for _, value in leaves(case, seed)]
    never, mean, best = values[0], sum(values) / len(values), max(values)
    return {"gain": (accuracy - never) / (best - never) if best - never > NEAR else 0.0,
            "normalised": (accuracy - mean) / (best - mean) if best - mean > NEAR else None,
            "regret": best - accuracy, "rank": 1 + sum(value > accuracy for value in values)}


def _below(job):
    if job.j == job.decisions:
        yield tuple(job.taken), 1 - job.shown()
        return
    for action, free in enumerate(job.mask()):
        if free:
            new = deepcopy(job)
            new.act(action)
            yield from _below(new)


def plan(case):
    """The best sequence, its accuracy, that of never, and how many there are."""
    found = leaves(case)
    best = max(accuracy for _, accuracy in found)
    sequence, accuracy = next(leaf for leaf in found if leaf[1] >= best - NEAR)
    return {"sequence": list(sequence), "accuracy": accuracy, "never_accuracy": found[0][1],
            "sequences_evaluated": len(found)}
