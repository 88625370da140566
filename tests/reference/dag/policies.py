"""Answers of the policies (section 11.3)."""

from .arithmetic import uniforms

PUSH = ("dm", "dmda", "dmdar", "dmdas", "ws")


def run(system, name: str, plan=None, actual: bool = False, simulator=None):
    """Let a policy answer until the run ends."""
    from .simulator import Simulator
    if simulator is None:
        simulator = Simulator(system, actual=actual, push=pusher(name))
    while simulator.pending() is not None:
        simulator.answer(answer(simulator, name, plan))
    return simulator


def answer(simulator, name: str, plan=None):
    """A legal answer: an illegal WAIT becomes the eligible task with the least rseq."""
    w = simulator.state.asking
    eligible = simulator.eligible(w)
    chosen = choose(simulator, name, w, eligible, plan)
    if chosen is None and not simulator.may_wait():
        chosen = eligible[0]
    if name in PUSH and chosen is not None:
        for queue in simulator.state.queues:
            if chosen in queue:
                queue.remove(chosen)
    return chosen


def choose(simulator, name: str, w: int, eligible: list, plan=None):
    """The policy's own wish."""
    outlook = simulator.outlook
    if name == "fifo":
        return eligible[0]
    if name in ("random", "random_wait"):
        return drawn(simulator, name, eligible)
    if name == "prio":
        return min(eligible, key=lambda i: (-outlook.ahead(i), i))
    if name == "locality":
        return min(eligible, key=lambda i: (outlook.missing(i, w), -outlook.ahead(i), i))
    if name in ("mct_wait", "mct_wait_loc"):
        return best_here(simulator, name, w, eligible)
    if name in ("dm", "dmda", "dmdar", "dmdas"):
        return from_own_queue(simulator, name, w, eligible)
    if name == "ws":
        return stolen(simulator, w, eligible)
    if name in ("job_fifo", "sjf", "fair"):
        return min(eligible, key=lambda i: (job_key(simulator, name, i[0]), i[0],
                                              -outlook.ahead(i), i))
    return planned(simulator, w, eligible, plan)


def drawn(simulator, name: str, eligible: list):
    """Any answer with equal chance."""
    answers = list(eligible)
    if name == "random_wait" and simulator.may_wait():
        answers.append(None)
    u = uniforms(simulator.system.seed, 6, simulator.state.decisions)[0]
    return answers[int(u * len(answers))]


def best_here(simulator, name: str, w: int, eligible: list):
    """The first task that no other worker would finish earlier."""
    outlook = simulator.outlook
    missing = (lambda i: outlook.missing(i, w)) if name == "mct_wait_loc" else (lambda i: 0)
    for i in sorted(eligible, key=lambda i: (missing(i), -outlook.ahead(i), i)):
        here = outlook.est(i, w)
        if all(here <= outlook.est(i, v) for v in simulator.system.able_workers(i)):
            return i
    return None


def job_key(simulator, name: str, job: int) -> int:
    """What orders the jobs of a stream."""
    system, state = simulator.system, simulator.state
    tasks = [(job, t) for t in range(len(system.graph[job])) if not state.tasks[job, t].done]
    if name == "job_fifo":
        return job
    if name == "sjf":
        return sum(system.least(i, simulator.actual) for i in tasks)
    return sum(state.tasks[i].worker is not None for i in tasks)


def planned(simulator, w: int, eligible: list, plan: list):
    """The next task of a plan, rows (task, worker, start, finish) in order of pos on ties."""
    rows = sorted((row for row in plan if row[1] == w), key=lambda row: (row[2], row[3]))
    for task, *_ in rows:
        if simulator.state.tasks[0, task].worker is None:
            return (0, task) if (0, task) in eligible else None
    return None


def pusher(name: str):
    """What a policy with queues does with a new ready task."""
    if name not in PUSH:
        return None
    return push_behind_predecessor if name == "ws" else lambda s, i: push_to_fastest(s, name, i)


def push_to_fastest(simulator, name: str, i) -> None:
    """To the queue of the worker that is expected to finish it first."""
    outlook, state = simulator.outlook, simulator.state

    def key(v):
        fetch = 0 if name == "dm" else outlook.fetch(i, v)
        before = [j for j in state.queues[v]
                  if name != "dmdas" or outlook.ahead(j) >= outlook.ahead(i)]
        free = outlook.free(v) + sum(outlook.duration(j, v) for j in before)
        return max(free, state.now + fetch) + outlook.duration(i, v) + fetch, v

    state.queues[min(simulator.system.able_workers(i), key=key)].append(i)


def from_own_queue(simulator, name: str, w: int, eligible: list):
    """An eligible task of the worker's own queue."""
    outlook, tasks = simulator.outlook, simulator.state.tasks
    queue = [i for i in simulator.state.queues[w] if i in eligible]
    if name in ("dm", "dmda"):
        return queue[0] if queue else None
    first = (lambda i: -outlook.ahead(i)) if name == "dmdas" else (lambda i: 0)
    return min(queue, key=lambda i: (first(i), outlook.missing(i, w), tasks[i].rseq), default=None)


def push_behind_predecessor(simulator, i) -> None:
    """To the worker of the predecessor that finished last, else in turn."""
    system, state = simulator.system, simulator.state
    able = system.able_workers(i)
    before = [k for k in system.predecessors(i) if not system.is_virtual(k)]
    if before:
        last = min(before, key=lambda k: (-state.tasks[k].finish, state.tasks[k].worker))
        if state.tasks[last].worker in able:
            state.queues[state.tasks[last].worker].append(i)
            return
    state.queues[able[state.dealt % len(able)]].append(i)
    state.dealt += 1


def stolen(simulator, w: int, eligible: list):
    """From the back of the own queue, else from the front of a long one."""
    queues = simulator.state.queues
    own = [i for i in queues[w] if i in eligible]
    if own:
        return own[-1]
    for v in sorted(set(range(len(queues))) - {w}, key=lambda v: (-len(queues[v]), v)):
        for i in queues[v]:
            if i in eligible:
                return i
    return None
