"""Which GPUs a job gets: the placement rules on counts of free GPUs per node."""

from collections.abc import Callable, Sequence

from .arithmetic import h

Places = list[tuple[int, int]]
Free = dict[int, int]


def packed(free: Free, want: int) -> Places | None:
    """Best fit on one node, else the largest whole nodes first: fewest nodes."""
    places = []
    free = dict(free)
    while want:
        fitting = [(f, node) for node, f in free.items() if f >= want]
        if fitting:
            places.append((min(fitting)[1], want))
            return places
        node = min(free, key=lambda node: (-free[node], node), default=None)
        if node is None or not free[node]:
            return None
        places.append((node, free[node]))
        want -= free.pop(node)
    return places


def scatter(free: Free, want: int) -> Places | None:
    """From the nodes in the order given, as many as they have."""
    places = []
    for node, f in free.items():
        if f and want:
            places.append((node, min(f, want)))
            want -= min(f, want)
    return None if want else places


def first_fit(free: Free, want: int) -> Places | None:
    """The first node that has them all, else scattered."""
    for node, f in free.items():
        if f >= want:
            return [(node, want)]
    return scatter(free, want)


def spread(free: Free, want: int) -> Places | None:
    """One at a time from the node with the most left."""
    if sum(free.values()) < want:
        return None
    left = dict(free)
    for _ in range(want):
        left[min(left, key=lambda node: (-left[node], node))] -= 1
    return [(node, f - left[node]) for node, f in free.items() if f > left[node]]


def scatter_exact(free: Free, want: int) -> Places | None:
    """min(free, want) from each node, only if the sum hits the number wanted."""
    places, total = [], 0
    for node, f in free.items():
        if f:
            places.append((node, min(f, want)))
            total += min(f, want)
        if total >= want:
            break
    return places if total == want else None


def racked(free: Free, want: int, rack_of: Callable[[int], int]) -> Places | None:
    """One node if possible, else fewest racks, and fewest nodes inside the last one."""
    if any(f >= want for f in free.values()):
        return packed(free, want)
    racks: dict[int, Free] = {}
    for node, f in free.items():
        racks.setdefault(rack_of(node), {})[node] = f
    chosen = packed({rack: sum(nodes.values()) for rack, nodes in racks.items()}, want)
    if chosen is None:
        return None
    *whole, (last, rest) = chosen
    places = [(node, f) for rack, _ in whole for node, f in racks[rack].items() if f]
    return places + packed(racks[last], rest)


class Finder:
    """`find` of the specification, for the options of the moment."""

    def __init__(self, system, state):
        self.system, self.state, self.options = system, state, state.options

    def find(self, number: int, free: Sequence[int], want: int | None = None,
             types: Sequence[int] | None = None) -> tuple[int, Places] | None:
        """A type and a list of (node, count), or nothing."""
        job = self.system.jobs[number]
        want = job.gpus if want is None else want
        for j in self.system.type_list(job) if types is None else types:
            places = self.on_type(number, j, want, free)
            if places is not None:
                return j, sorted(places)
        return None

    def on_type(self, number: int, gpu_type: int, want: int, free: Sequence[int]) -> Places | None:
        """A placement on one type."""
        nodes = self.system.nodes
        here = {n: free[n] for n in range(len(nodes))
                if nodes[n].type == gpu_type and self.state.up[n]}
        rule = self.options.placement
        if sum(here.values()) < want:
            return None
        if rule == "rack":
            return racked(here, want, lambda n: nodes[n].rack)
        if rule == "random":
            return scatter(self.shuffled(number, here), want)
        if rule == "consolidated":
            places = packed(here, want)
            if places and self.must_consolidate(number) and (
                    len(places) > self.system.most_nodes(want, gpu_type)):
                return None
            return places
        return {"packed": packed, "first-fit": first_fit, "scatter": scatter, "spread": spread,
                "scatter-exact": scatter_exact}[rule](here, want)

    def shuffled(self, number: int, free: Free) -> Free:
        """Nodes in the order of their hashes."""
        launches, seed = self.state.progress[number].launches, self.options.seed
        order = sorted(free, key=lambda n: (h(seed, 2, number, launches, n), n))
        return {n: free[n] for n in order}

    def must_consolidate(self, number: int) -> bool:
        """Whether a job insists on few nodes."""
        if self.options.consolidate == "sensitive" and (
                not self.system.jobs[number].kind.sensitive):
            return False
        return self.state.progress[number].wait(self.state.now) < self.options.relax_after
