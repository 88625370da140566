"""The simulator (section 5): a heap of device events, the arrivals, and the window ends."""

import copy
import heapq
import math
from collections.abc import Callable, Sequence

from . import batching, dropping, routing
from .entities import UNFINISHED, Device, Plan, Request, Window
from .rng import ROUTING, Draws
from .system import System, past

COMPLETION, LOAD, TIMER = range(3)      # at equal times in this order, then arrivals
NOTHING = (math.inf, TIMER, 0, 0)


class Simulator:
    """State of one run; `allocate(sim, window)` may return a plan at a window's end."""

    def __init__(self, system: System, rows: Sequence, seed: int):
        self.system, self.options, self.now = system, system.options, 0.0
        o, index = self.options, {f: k for k, f in enumerate(system.families)}
        self.requests = [Request(i, row, index[row[1]]) for i, row in enumerate(rows)]
        self.draws = Draws(seed, ROUTING, o.routing.draws)
        self.routing = routing.POLICIES[o.routing.policy]
        self.batching = batching.POLICIES[o.batching.policy]
        self.dropping = dropping.RULES[o.dropping.policy]
        self.devices = [Device(d, t, o.qos.levels - 1) for d, t in enumerate(system.device_type)]
        self.hosts: list[list[Device]] = [[] for _ in system.families]
        self.pointer = [-1] * len(system.families)
        self.events: list[tuple[float, int, int, int]] = []
        self.cursor = self.window_index = self.stamps = 0
        self.windows: list[Window] = []
        self.reallocations = self.loads = 0
        self.launched: list[int] = []
        self.window = self._fresh_window()

    def copy(self) -> "Simulator":
        """An independent copy of the run as it stands."""
        return copy.deepcopy(self, {id(self.system): self.system, id(self.options): self.options})

    def _fresh_window(self) -> Window:
        system = self.system
        return Window(len(system.families), system.levels, len(system.device_type))

    # ---- events -------------------------------------------------------------------------------

    def run(self, allocate: Callable[["Simulator", int], Plan | None]) -> None:
        """Window by window to the end, starting from the plan that was committed at time 0."""
        while True:
            self.run_window()
            if self.over:
                return
            plan = allocate(self, self.window_index - 1)
            if plan is not None:
                self.commit(plan)

    def run_window(self) -> None:
        """Every event up to the window's end, and the end itself: counters are read and zeroed."""
        end = (self.window_index + 1) * self.options.window_ms
        while self.step(end):
            pass
        self.now = end
        self._close_window()

    def step(self, end: float = math.inf) -> bool:
        """Handle the next event not after `end`; False if there is none."""
        events, requests = self.events, self.requests
        while events and self._stale(events[0]):
            heapq.heappop(events)
        time, kind, index, _ = events[0] if events else NOTHING
        arrival = requests[self.cursor].arrival if self.cursor < len(requests) else math.inf
        self.now = min(time, arrival, end)
        if time <= end and time <= arrival and events:
            heapq.heappop(events)
            (self._complete, self._loaded, self._timer)[kind](self.devices[index])
        elif arrival <= end and arrival < math.inf:
            self._arrive(requests[self.cursor])
        else:
            return False
        return True

    def _stale(self, event: tuple[float, int, int, int]) -> bool:
        """Whether a load or timer was called off; `stamp` numbers what is still expected."""
        return event[1] != COMPLETION and event[3] != self.devices[event[2]].stamp

    def _push(self, time: float, kind: int, device: Device) -> None:
        self.stamps += 1
        if kind != COMPLETION:
            device.stamp = self.stamps
        heapq.heappush(self.events, (time, kind, device.index, self.stamps))

    @property
    def idle(self) -> bool:
        """No arrival, batch, load or timer is outstanding."""
        return self.cursor == len(self.requests) and all(
            d.running is None and d.load_end is None and d.timer is None for d in self.devices)

    @property
    def over(self) -> bool:
        """Whether the window end just passed is the end of the run."""
        horizon = self.options.horizon_ms
        return self.idle if horizon is None else self.now >= horizon

    def _close_window(self) -> None:
        window, start = self.window, self.now - self.options.window_ms
        for device in self.devices:
            if device.running is not None:
                window.busy_ms[device.index] += self.now - max(device.batch_start, start)
            for request in device.queue:
                window.queue[request.family] += 1
        self.windows.append(window)
        self.window_index += 1
        self.window = self._fresh_window()

    # ---- life of a request --------------------------------------------------------------------

    def _arrive(self, request: Request) -> None:
        self.cursor += 1
        self.window.arrivals[request.family] += 1
        self.window.requests[request.family][request.qos] += 1
        self.send(request)

    def send(self, request: Request) -> None:
        """Routing, admission, queue."""
        device, reason = routing.choose(self, request)
        request.device = None if device is None else device.index
        if device is None:
            self.drop(request, reason)
            return
        device.sent += 1
        feasible = self.options.admission == "feasible"
        if feasible and past(routing.expected_finish(self, device), request.deadline):
            self.drop(request, "R")
            return
        device.queue.append(request)
        if device.running is None and device.ready:
            self.decide(device)

    def drop(self, request: Request, reason: str) -> None:
        """The request leaves unserved."""
        request.status, request.finish = reason, self.now
        self.window.dropped[request.family] += 1
        self.miss(request)

    def miss(self, request: Request) -> None:
        """Count a request as missed at its level, once."""
        if not request.missed:
            request.missed = True
            self.window.missed[request.family][request.qos] += 1

    def _finish(self, request: Request, accuracy: float) -> bool:
        late, k = past(self.now, request.deadline), request.family
        request.finish, request.status = self.now, "L" if late else "M"
        self.window.accuracy_completed[k] += accuracy
        if late:
            self.window.late[k] += 1
            self.miss(request)
        else:
            self.window.met[k] += 1
            self.window.accuracy_met[k] += accuracy
        return late

    # ---- devices ------------------------------------------------------------------------------

    def _complete(self, device: Device) -> None:
        accuracy = self.system.variants[device.running].accuracy
        late = [self._finish(r, accuracy) for r in device.batch]
        opened = self.window_index * self.options.window_ms
        self.window.busy_ms[device.index] += self.now - max(device.batch_start, opened)
        device.busy_ms += self.now - device.batch_start
        if device.target == device.running:
            batching.update_aimd(device, any(late), self.options.batching)
        device.running, device.batch = None, []
        if device.target != device.loaded:
            self._begin_load(device)
        if device.ready:
            self.decide(device)

    def _begin_load(self, device: Device) -> None:
        device.loaded = device.load_end = None
        device.stamp = 0
        if device.target is None:
            return
        self.loads += 1
        if device.pair.load_ms == 0:
            device.loaded = device.target
            return
        device.load_end = self.now + device.pair.load_ms
        self._push(device.load_end, LOAD, device)

    def _loaded(self, device: Device) -> None:
        device.loaded, device.load_end = device.target, None
        self.decide(device)

    def _timer(self, device: Device) -> None:
        self.decide(device)

    def change_target(self, device: Device, target: int | None, level: int) -> None:
        """Give a device another target (5.2)."""
        self.reallocations += 1
        self.window.realloc += 1
        self._host(device, target, level)
        if device.running is None:
            self._begin_load(device)

    def _host(self, device: Device, target: int | None, level: int) -> None:
        if device.target is not None and device.pair.cap:
            self.hosts[self.system.variants[device.target].family].remove(device)
        device.target, device.level = target, level
        device.pair = None if target is None else self.system.pair(device.index, target)
        self._cancel_timer(device)
        batching.reset_aimd(device, self.options.batching)
        if target is not None and device.pair.cap:
            hosts = self.hosts[self.system.variants[target].family]
            hosts.append(device)
            hosts.sort(key=lambda d: d.index)

    def _cancel_timer(self, device: Device) -> None:
        if device.timer is not None:
            device.timer, device.stamp = None, 0

    def decide(self, device: Device) -> None:
        """Launch or wait (5.3); the device is ready and idle."""
        self._cancel_timer(device)
        o = self.options
        if o.dropping.moment == "decision" and device.queue:
            self._give_up(device)
        if not device.queue:
            return
        count, time = self.batching(device, self.now, o)
        if count:
            self._launch(device, count)
        elif time is not None:
            device.timer = time
            self._push(time, TIMER, device)

    def _launch(self, device: Device, count: int) -> None:
        if self.options.dropping.moment == "launch":
            self._give_up(device)
            if not device.queue:
                return
        count = device.pair.take(min(count, len(device.queue)))
        device.batch = [device.queue.popleft() for _ in range(count)]
        for request in device.batch:
            request.start, request.variant = self.now, device.target
        device.running, device.batch_start = device.target, self.now
        device.batch_end = self.now + device.pair.charge(count)
        self.launched.append(count)
        self._push(device.batch_end, COMPLETION, device)

    def _give_up(self, device: Device) -> None:
        dropped = self.dropping(device, self.now, self.options.dropping.factor)
        for request in dropped:
            self.drop(request, dropping.REASON[self.options.dropping.policy])
        if dropped:
            device.queue = type(device.queue)(r for r in device.queue if r.status == UNFINISHED)

    # ---- plans --------------------------------------------------------------------------------

    def start(self, plan: Plan) -> None:
        """The plan of time 0: its variants are in memory already."""
        for device, target, level in zip(self.devices, plan.targets, self._levels(plan),
                                         strict=True):
            self._host(device, target, level)
            device.loaded = target
        self._weigh(plan)

    def commit(self, plan: Plan) -> None:
        """A plan during the run (5.4): changed devices lose their queues, which are routed anew."""
        taken: list[Request] = []
        for device, target, level in zip(self.devices, plan.targets, self._levels(plan),
                                         strict=True):
            if target == device.target:
                device.level = level
                continue
            taken.extend(device.queue)
            device.queue.clear()
            self.change_target(device, target, level)
        self._weigh(plan)
        for request in sorted(taken, key=lambda r: r.index):
            self.send(request)

    def _levels(self, plan: Plan) -> Sequence[int]:
        return plan.levels or [self.system.levels - 1] * len(self.devices)

    def _weigh(self, plan: Plan) -> None:
        for d, device in enumerate(self.devices):
            device.sent = 0
            if plan.weights is not None:
                device.weight = plan.weights[d]
