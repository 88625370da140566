"""A user's own compiled rule: a score for every eligible task of the worker that asks.

    from envs.dag.policy import policy

    @policy
    def shortest(now, duration, least, estimate, best_other, tail, missing, waited, successors,
                 job):
        return 1.0 / (1.0 + duration)

The task of the highest score starts (ties: the larger `tail`, then the smaller number); a score
below 0 never starts, so if all are, the worker waits. Arguments are float64, times in ticks:
`duration` here and `least` anywhere (expected), `estimate` = finish here and `best_other` = least
finish on the other workers that can run it (inf: none), both measured from now; `tail` = greatest
sum of least durations from here, `missing` = bytes not yet on this worker's memory, `waited` = time
since it became ready, `successors` = their number, `job` = its number.
"""
from numba import types

from envs.core.jit import pointer_call
from envs.core.jit import policy as compile_policy

SIGNATURE = types.float64(*[types.float64] * 10)
policy = compile_policy(SIGNATURE)
call_user = pointer_call(SIGNATURE)
