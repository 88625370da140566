"""Copies of tiles: space, eviction, requests, what a finished task leaves (section 5)."""

from .state import Transfer


def place(system, state, i, w: int) -> frozenset:
    """Make room for and fetch the operands of a task; the transfers that its data waits for."""
    n, waits = system.machine.node[w], set()
    for tile, mode, size in system.operands(i):
        new = n > 0 and tile not in state.resident[n]
        if new:
            make_room(system, state, n, size)
            state.used[n] += size
            note(state, n)
        if n > 0:
            state.touches += 1
            state.resident[n][tile] = state.touches
        if "R" in mode and n not in state.copies[tile]:
            fetch(system, state, tile, n, state.release[n] if new else set())
        if "R" in mode:
            waits.add(state.copies[tile][n])
        if new:
            waits |= state.release[n]
    return frozenset(waits - {None})


def pinned(system, state, n: int) -> set:
    """Tiles of the unfinished tasks of a node's worker."""
    held = state.held[system.machine.owner[n]]
    return {tile for i in held for tile, _, _ in system.operands(i)}


def make_room(system, state, n: int, size: int) -> None:
    """Evict the least recently used tiles until so many bytes fit."""
    fixed = pinned(system, state, n)
    while state.used[n] + size > system.machine.capacity[n]:
        free = [tile for tile in state.resident[n] if tile not in fixed]
        evict(system, state, min(free, key=state.resident[n].get), n)


def evict(system, state, tile, n: int) -> None:
    """Take a tile off a node; the only copy is written back."""
    dirty = not any(m != n for m in state.copies[tile])
    if dirty:
        number = request(system, state, "writeback", tile, n, 0, set())
        state.copies[tile][0] = number
    state.release[n] |= state.readers.pop((tile, n), set())
    state.evictions.append((state.now, n, tile, dirty))
    forget(system, state, tile, n)


def forget(system, state, tile, n: int) -> None:
    """A copy and its space are gone at once."""
    state.copies[tile].pop(n, None)
    state.readers.pop((tile, n), None)
    if n > 0 and tile in state.resident[n]:
        del state.resident[n][tile]
        state.used[n] -= system.size(tile)
        note(state, n)


def note(state, n: int) -> None:
    """Log the bytes used on a node."""
    state.memory.append((state.now, n, state.used[n]))


def source(system, state, tile, n: int) -> int | None:
    """The node to fetch a tile from, None if no copy has a direct link."""
    machine, size = system.machine, system.size(tile)
    return min((m for m in state.copies[tile] if m != n and machine.link(m, n) is not None),
               key=lambda m: (not state.has_come(state.copies[tile][m]),
                              machine.alone(m, n, size), m), default=None)


def fetch(system, state, tile, n: int, release: set) -> None:
    """Request a copy on a node, by way of the host if need be."""
    m = source(system, state, tile, n)
    if m is None:
        m = 0
        state.copies[tile][0] = request(system, state, "stage", tile,
                                        source(system, state, tile, 0), 0, set())
    state.copies[tile][n] = request(system, state, "fetch", tile, m, n, release)


def request(system, state, kind: str, tile, m: int, n: int, waits: set) -> int:
    """Request a transfer; with channels its times are known at once."""
    waits = frozenset(waits | {state.copies[tile][m]}) - {None}
    transfer = Transfer(len(state.transfers), kind, tile, m, n, system.size(tile), waits)
    state.transfers.append(transfer)
    state.readers.setdefault((tile, m), set()).add(transfer.number)
    if system.machine.network == "fifo":
        transfer.start = max(state.now, state.out_free[m], state.in_free[n],
                             *(state.transfers[k].end for k in waits))
        transfer.end = transfer.start + system.machine.alone(m, n, transfer.size)
        if m > 0:
            state.out_free[m] = transfer.end
        if n > 0:
            state.in_free[n] = transfer.end
    return transfer.number


def written(system, state, i, n: int) -> None:
    """What a finished task wrote is valid on its node and nowhere else."""
    for tile, mode, _ in system.operands(i):
        if "W" in mode:
            for m in sorted(set(state.copies[tile]) - {n}):
                forget(system, state, tile, m)
            state.copies[tile][n] = None


def vanish(system, state, job: int) -> None:
    """A finished job leaves nothing."""
    for tile in [tile for tile in state.copies if tile[0] == job]:
        for n in sorted(state.copies[tile]):
            forget(system, state, tile, n)
        del state.copies[tile]
