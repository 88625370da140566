"""Which device a request is sent to (6.1). Ties go to the lowest device index."""

import math

from .entities import Device, Request
from .system import past, total


def base_time(sim, device: Device) -> float:
    """When a device could begin its next batch (its queue aside)."""
    if device.load_end is not None:
        return device.load_end
    if device.running is None:
        return sim.now
    draining = device.running != device.target
    return device.batch_end + (device.pair.load_ms if draining else 0)


def expected_finish(sim, device: Device) -> float:
    """Finish of one more request, if the queue runs in full batches."""
    latency, cap = device.pair.latency, device.pair.cap
    m = len(device.queue) + 1
    full = (m - 1) // cap
    return (base_time(sim, device) + full * latency[cap]) + latency[m - full * cap]


def random(sim, request: Request, candidates: list[Device]) -> Device:
    """Any."""
    m = len(candidates)
    return candidates[min(m - 1, math.floor(sim.draws.next() * m))]


def round_robin(sim, request: Request, candidates: list[Device]) -> Device:
    """The next one after the one used last by the family."""
    last = sim.pointer[request.family]
    chosen = next((d for d in candidates if d.index > last), candidates[0])
    sim.pointer[request.family] = chosen.index
    return chosen


def eft(sim, request: Request, candidates: list[Device]) -> Device:
    """Earliest finish time."""
    return min(candidates, key=lambda d: expected_finish(sim, d))


def lft(sim, request: Request, candidates: list[Device]) -> Device:
    """Latest finish time within the deadline, else the earliest."""
    finish = [expected_finish(sim, d) for d in candidates]
    in_time = [(-f, d.index, d) for f, d in zip(finish, candidates, strict=True)
               if not past(f, request.deadline)]
    return min(in_time)[2] if in_time else candidates[finish.index(min(finish))]


def jseq(sim, request: Request, candidates: list[Device]) -> Device:
    """Shortest expected queue."""
    return min(candidates, key=lambda d: (
        (d.outstanding + 1) * d.pair.latency[d.pair.cap] / d.pair.cap))


def _weighted(sim, candidates: list[Device]) -> list[tuple[Device, float]]:
    """Candidates of positive weight: the plan's, else peak rates, else ones."""
    return ([(d, d.weight) for d in candidates if d.weight]
            or [(d, d.pair.peak) for d in candidates if d.pair.peak]
            or [(d, 1.0) for d in candidates])


def canary(sim, request: Request, candidates: list[Device]) -> Device:
    """With probability proportional to the weight."""
    weighted = _weighted(sim, candidates)
    x, running = sim.draws.next() * total(w for _, w in weighted), 0.0
    for device, w in weighted:
        running += w
        if running > x:
            return device
    return weighted[-1][0]


def canary_smooth(sim, request: Request, candidates: list[Device]) -> Device:
    """The one furthest behind its share of what was sent since the last commit."""
    weighted = _weighted(sim, candidates)
    whole, n = total(w for _, w in weighted), sum(d.sent for d in candidates)
    return max(weighted, key=lambda dw: (dw[1] / whole) * (n + 1) - dw[0].sent)[0]


def infaas(sim, request: Request, candidates: list[Device]) -> Device | None:
    """A variant per request: accurate enough and not overloaded, else the nearest to it."""
    accuracy = [v.accuracy for v in sim.system.variants]
    loads = [(d, _load(sim, request, d)) for d in candidates]
    calm = [(d, load) for d, load in loads if load < 1]
    good = [(load, d.index, d) for d, load in calm if accuracy[d.target] >= request.need]
    if good:
        return min(good)[2]
    if sim.options.routing.on_demand and (device := _on_demand(sim, request)):
        return device
    near = [(abs(accuracy[d.target] - request.need), load, d.index, d) for d, load in calm
            if not past(d.pair.latency[1], request.slo)]
    if near:
        return min(near)[3]
    return min(loads, key=lambda dl: (dl[1], dl[0].outstanding), default=(None,))[0]


def _load(sim, request: Request, device: Device) -> float:
    horizon, peak = sim.options.routing.horizon_ms, device.pair.peak
    if peak == 0:
        return math.inf
    return device.outstanding / (peak * (request.slo if horizon is None else horizon) / 1000)


def _on_demand(sim, request: Request) -> Device | None:
    """A free device that loads a variant that nobody hosts, in time for this request."""
    system, hosted = sim.system, {d.target for d in sim.devices}
    options = []
    for j in system.of_family[request.family]:
        if j in hosted or system.variants[j].accuracy < request.need:
            continue
        for t in system.types:
            pair = system.pairs[t][j]
            if pair and pair.cap0 and not past(pair.load_ms + pair.latency[1], request.slo):
                free = next((d for d in sim.devices if d.type == t and d.target is None
                             and d.running is None), None)
                if free:
                    options.append((pair.load_ms + pair.latency[1], j, t, free))
    if not options:
        return None
    _, j, _, device = min(options, key=lambda option: option[:3])
    sim.change_target(device, j, request.qos)
    return device


POLICIES = {"random": random, "round_robin": round_robin, "eft": eft, "lft": lft, "jseq": jseq,
            "canary": canary, "canary_smooth": canary_smooth, "infaas": infaas}


def routable(sim, family: int) -> list[Device]:
    """The devices that may get requests of a family now."""
    hosts = sim.hosts[family]
    loading = sim.options.routing.loading
    if loading == "always":
        return hosts
    ready = [d for d in hosts if d.loaded == d.target]
    return ready or hosts if loading == "fallback" else ready


def choose(sim, request: Request) -> tuple[Device | None, str]:
    """The device of a request, or None and the letter of the reason."""
    devices = routable(sim, request.family)
    candidates = [d for d in devices if d.level >= request.qos]
    if devices and not candidates:
        if sim.options.qos.mode == "strict":
            return None, "Q"
        candidates = devices
        sim.miss(request)
    if not candidates and sim.options.routing.policy != "infaas":
        return None, "N"
    return sim.routing(sim, request, candidates), "N"
