"""What a user's compiled order policy looks like.

    from envs.cluster.policy import policy

    @policy
    def shortest_per_gpu(now, arrival, gpus, left, attained, gpu_attained, waited, priority,
                         deadline, job_class, tenant, launches, held):
        return left / gpus

Every figure is a float; times are seconds, `left` is the work left on the reference type (by the
option `size`: the truth or the estimate), `deadline` is -1 if there is none, `held` the GPUs it
holds now. The active job with the smallest key comes first; keys count in steps of 1e-6, ties go
to the lower job number, and a key that is no number (nan) comes last.
"""
from numba import types

from envs.core import jit

ARGUMENTS = (
    "now", "arrival", "gpus", "left", "attained", "gpu_attained", "waited", "priority", "deadline",
    "job_class", "tenant", "launches", "held",
)
ORDERING = types.float64(*[types.float64] * len(ARGUMENTS))
policy = jit.policy(ORDERING)
