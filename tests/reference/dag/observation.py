"""The observation before a decision (section 9.2), in float64."""

import math

KINDS, TYPES = 8, 4


class Observer:
    """Features of one episode: sizes, order of the slots, time scale, kinds."""

    def __init__(self, system, slots: int, nodes: int, edges: int, slot_order=None,
                 time_scale=None, kinds=None):
        self.system, self.slots, self.nodes, self.edges = system, slots, nodes, edges
        frontier = system.visible == "frontier"
        self.slot_order = slot_order or ("fifo" if frontier else "priority")
        self.time_scale = time_scale
        used = {kind for graph in system.graph for kind in graph.kind if kind is not None}
        self.kinds = sorted(used) if kinds is None else kinds

    def observe(self, simulator, before: int | None) -> dict:
        """All arrays as nested lists; `before` is the time of the previous decision."""
        look = _Look(self, simulator, before)
        order = look.eligible[:self.slots]
        rows = [look.slot(i) for i in order] + [[0.0] * 25] * (self.slots - len(order))
        mask = [1] * len(order) + [0] * (self.slots - len(order)) + [int(simulator.may_wait())]
        shown = look.shown()[:self.nodes]
        nodes = [look.node(i) for i in shown] + [[0.0] * 20] * (self.nodes - len(shown))
        return {"slots": rows, "workers": [look.worker(w) for w in self.system.machine.workers],
                "global": look.overall(), "action_mask": mask, "nodes": nodes,
                "edges": look.edges(shown)[:self.edges]}


class _Look:
    """One moment."""

    def __init__(self, observer: Observer, simulator, before):
        self.observer, self.simulator, self.before = observer, simulator, before
        self.system, self.state = simulator.system, simulator.state
        self.outlook, self.w = simulator.outlook, simulator.state.asking
        self.eligible = simulator.eligible(self.w)
        if observer.slot_order == "priority":
            self.eligible.sort(key=lambda i: (-self.outlook.ahead(i), i))
        self.visible = [i for i, task in self.state.tasks.items() if self.is_visible(i)]
        if observer.time_scale is None:
            known = [self.system.least(i) for i in self.visible if not self.system.is_virtual(i)]
            observer.time_scale = max(1, math.floor(sum(known) / len(known) + 0.5))

    def is_visible(self, i) -> bool:
        full = self.system.visible == "full"
        return full or self.state.tasks[i].hop <= self.system.horizon

    def log(self, x: float) -> float:
        scaled = math.copysign(math.log(1 + abs(x) / self.observer.time_scale), x) / 5
        return clip(scaled if x else 0.0)

    def following(self, i) -> list:
        """Visible successors."""
        seen = self.system.horizon - self.outlook.hop(i) >= 1
        return self.system.successors(i) if seen else []

    def kind(self, i) -> list[float]:
        name = self.system.graph[i[0]].kind[i[1]]
        place = self.observer.kinds.index(name) % KINDS if name in self.observer.kinds else None
        return [float(k == place) for k in range(KINDS)]

    def contrast(self, one: int | None, other: int | None) -> float:
        if one is None or other is None:
            return 0.0
        return clip(math.log(max(1, one) / max(1, other)) / 5)

    def slot(self, i) -> list[float]:
        system, state, look, w = self.system, self.state, self.outlook, self.w
        machine, n, log = system.machine, system.machine.node[w], self.log
        here, others = machine.type[w], [v for v in system.able_workers(i) if v != w]
        durations = [system.expected(i, y) for y in machine.types if y != here]
        other = min((d for d in durations if d is not None), default=None)
        est, most = look.est(i, w), max(look.ahead(j) for j in self.eligible)
        following, job = self.following(i), [j for j in self.visible if j[0] == i[0]]
        operands, capacity = system.operands(i), machine.capacity[n]
        coming = sum(size for tile, _, size in operands if tile not in state.resident[n])
        bounded = capacity < math.inf
        return [
            1.0, log(look.duration(i, w)), log(system.least(i)),
            self.contrast(look.duration(i, w), other), log(look.fetch(i, w)),
            ratio(look.missing(i, w), self.incoming(i)), log(est - state.now),
            log(min(look.est(i, v) for v in others) - est) if others else 1.0,
            log(look.ahead(i)), ratio(look.ahead(i), most), min(1.0, len(following) / 16),
            min(1.0, sum(state.tasks[j].left == 1 for j in following) / 8),
            log(state.now - state.tasks[i].ready),
            clip(max(0, state.used[n] + coming - capacity) / capacity) if bounded else 0.0,
            min(1.0, sum(size for _, _, size in operands) / capacity) if bounded else 0.0,
            min(1.0, sum(self.is_assigned(j) for j in state.tasks if j[0] == i[0])
                / len(machine.workers)),
            log(sum(system.least(j) for j in job if state.tasks[j].worker is None)),
            *self.kind(i)]

    def incoming(self, i) -> int:
        if self.system.machine.comm == "matrix":
            return sum(self.system.carried(k, i) for k in self.system.predecessors(i))
        return sum(size for _, mode, size in self.system.operands(i) if "R" in mode)

    def is_assigned(self, i) -> bool:
        task = self.state.tasks[i]
        return task.worker is not None and not task.done

    def worker(self, w: int) -> list[float]:
        state, machine, n = self.state, self.system.machine, self.system.machine.node[w]
        held = state.held[w]
        busy_channels = n > 0 and machine.comm == "tiles" and machine.network == "fifo"
        channels = [self.log(max(0, free[n] - state.now)) if busy_channels else 0.0
                    for free in (state.in_free, state.out_free)]
        place = machine.types.index(machine.type[w]) % TYPES
        return [float(w == self.w), float(bool(held)), self.log(self.outlook.free(w) - state.now),
                len(held) / (1 + machine.prefetch), float(w in state.waited),
                state.used[n] / machine.capacity[n] if n > 0 else 0.0, *channels,
                *(float(k == place) for k in range(TYPES))]

    def overall(self) -> list[float]:
        state, machine = self.state, self.system.machine
        many, slots = len(self.eligible), self.observer.slots
        real = [i for i in self.visible if not self.system.is_virtual(i)]
        later = sum(state.tasks[i].ready is None for i in self.visible)
        sigma = self.system.sigma
        sigma = max(sigma.values(), default=0.0) if isinstance(sigma, dict) else sigma
        return [min(1.0, many / slots), max(0, many - slots) / many,
                sum(map(len, state.held)) / (len(machine.workers) * (1 + machine.prefetch)),
                clip(math.log(1 + later) / 10), self.log(state.now),
                0.0 if self.before is None else self.log(state.now - self.before),
                clip(math.log(1 + state.arrived - len(state.finished)) / 5),
                min(1.0, sigma) if self.system.noise != "none" else 0.0,
                float(self.simulator.may_wait()),
                sum(state.tasks[i].done for i in real) / len(real)]

    def shown(self) -> list:
        """Tasks of the graph view in their order."""
        left = sorted(i for i in self.visible if not self.state.tasks[i].done)
        ready = [i for i in self.state.ready if i not in self.eligible]
        assigned = [i for i in left if self.is_assigned(i)]
        taken = {*self.eligible, *ready, *assigned}
        return [*self.eligible, *ready, *assigned, *(i for i in left if i not in taken)]

    def node(self, i) -> list[float]:
        state, task, slots = self.state, self.state.tasks[i], self.observer.slots
        durations = [self.system.expected(i, y) for y in self.system.machine.types]
        known = [d for d in durations if d is not None]
        ready, assigned = i in state.ready, self.is_assigned(i)
        ends = dict(self.outlook.ends(task.worker)) if assigned else {}
        place = self.eligible.index(i) if i in self.eligible else slots
        return [1.0, float(ready), float(assigned), float(i in self.eligible),
                self.log(self.system.least(i)), self.contrast(*[*known, None, None][:2]),
                self.log(self.outlook.ahead(i)), self.log(ends.get(i, state.now) - state.now),
                (place + 1) / slots if place < slots else 0.0, min(1.0, task.left / 8),
                min(1.0, len(self.following(i)) / 16),
                self.log(state.now - task.ready) if ready else 0.0, *self.kind(i)]

    def edges(self, shown: list) -> list[list[int]]:
        """Pairs of places among the tasks shown."""
        place = {i: k for k, i in enumerate(shown)}
        return sorted([place[i], place[j]] for i in shown for j in self.following(i)
                      if j in place)


def clip(x: float) -> float:
    """Into [-1, 1]."""
    return min(1.0, max(-1.0, x))


def ratio(x: float, whole: float) -> float:
    """A share; 0/0 is 0."""
    return x / whole if whole else 0.0
