"""Transfers that share the network (section 5.4)."""

import math

CLOSE = 1e-12
WHOLE = 1e-6        # of a tick


def max_min(flows: list[list], capacity: dict) -> list[float]:
    """Max-min fair rates of flows, each a list of ports; infinite without a finite port."""
    left = {port: c for port, c in capacity.items() if c < math.inf}
    rate: list[float | None] = [None] * len(flows)
    while True:
        users = {port: [f for f, ports in enumerate(flows) if rate[f] is None and port in ports]
                 for port in left}
        shares = {port: left[port] / len(users[port]) for port in left if users[port]}
        if not shares:
            return [math.inf if r is None else r for r in rate]
        least = min(shares.values())
        fixed = {f for port in shares if shares[port] <= least * (1 + CLOSE) for f in users[port]}
        for f in sorted(fixed):
            rate[f] = least
            for port in flows[f]:
                if port in left:
                    left[port] -= least


def ports(machine, transfer) -> tuple[list, dict]:
    """The ports that a transfer uses, and their capacities."""
    found = {("up", m): machine.bus["up"] if m == 0 else machine.out[m].rate
             for m in [transfer.source]}
    found |= {("down", n): machine.bus["down"] if n == 0 else machine.into[n].rate
              for n in [transfer.target]}
    if transfer.source > 0 and transfer.target > 0:
        found["peer", transfer.number] = machine.peer.rate
    return list(found), found


def flowing(state) -> list:
    """Transfers whose bytes are moving."""
    return [t for t in state.transfers if t.prediction is not None and t.end is None]


def can_open(state) -> list:
    """Transfers that wait for nothing and have not opened."""
    return [t for t in state.transfers
            if t.start is None and all(state.transfers[k].end is not None for k in t.waits)]


def in_latency(state) -> list:
    """Transfers that have opened and do not flow yet."""
    return [t for t in state.transfers if t.joins is not None and t.prediction is None]


def next_time(state) -> float:
    """The next opening, latency expiry or end."""
    times = [t.prediction for t in flowing(state)] + [t.joins for t in in_latency(state)]
    return min([state.now] if can_open(state) else times, default=math.inf)


def step(system, state) -> None:
    """Everything that happens to flows at this tick."""
    machine, now = system.machine, state.now
    while True:
        ended = [t for t in flowing(state) if t.prediction <= now]
        for transfer in ended:
            transfer.end = now
        opened = can_open(state)
        for transfer in opened:
            link = machine.link(transfer.source, transfer.target)
            transfer.start, transfer.joins = now, now + link.latency
        joined = [t for t in in_latency(state) if t.joins <= now]
        if ended or joined:
            share(machine, state, joined)
        elif not opened:
            return


def share(machine, state, joined: list) -> None:
    """Bring what is left up to date, then give every flow a rate and an end."""
    flows = flowing(state)
    for flow in flows:
        flow.left -= flow.rate * (state.now - state.flows_at)
    state.flows_at = state.now
    for flow in joined:
        flow.left = float(flow.size)
    flows = sorted([*flows, *joined], key=lambda flow: flow.number)
    used, capacity = [], {}
    for flow in flows:
        names, limits = ports(machine, flow)
        used.append(names)
        capacity |= limits
    for flow, rate in zip(flows, max_min(used, capacity), strict=True):
        flow.rate = rate
        flow.prediction = state.now + max(0, math.ceil(flow.left / rate - WHOLE))
