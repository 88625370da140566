"""Longest paths by least expected durations."""
from envs.core.jit import driver


@driver
def paths(task, arc, whole, tail, window):
    """Fill `whole` (n,) with B over whole paths and `tail` (n, window + 1) with B over at most
    0, 1, ... edges; a window below 0 leaves `tail` alone."""
    for k in range(len(task) - 1, -1, -1):
        i = task[k].order
        best = 0
        for a in range(task[i].first_succ, task[i].first_succ + task[i].succs):
            best = max(best, whole[arc[a].task])
        whole[i] = task[i].least + best
        for edges in range(window + 1):
            best = 0
            if edges > 0:
                for a in range(task[i].first_succ, task[i].first_succ + task[i].succs):
                    best = max(best, tail[arc[a].task, edges - 1])
            tail[i, edges] = task[i].least + best
