"""Every sequence, and the best of them."""
from copy import deepcopy

from tests.reference.net2net.job import Job

NEAR = 1e-12


def leaves(case):
    """(sequence, final accuracy without noise) of all sequences without a masked action."""
    return list(_below(Job(case)))


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
