"""What a user's compiled routing policy looks like.

    from envs.blis.policy import policy

    @policy
    def least_slack(now, deadline, need, finish, base, queued, running, cap, full, one, accuracy,
                    peak, weight):
        return deadline - finish

The candidate with the smallest score gets the request; ties go to the lowest device. A score that
is no number (nan) loses against every number.
"""
from numba import types

from envs.core import jit

ARGUMENTS = (
    "now", "deadline", "need", "finish", "base", "queued", "running", "cap", "full", "one",
    "accuracy", "peak", "weight",
)
ROUTE = types.float64(*[types.float64] * len(ARGUMENTS))
policy = jit.policy(ROUTE)
