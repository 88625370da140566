"""A task graph from a `dag-1` mapping: edges from accesses, operands, bytes between tasks."""

from .arithmetic import factor, ticks


class Graph:
    """Tasks by number; under `tiles` payloads are tiles with operands of their own."""

    def __init__(self, mapping, comm: str):
        per_unit, tasks = factor(mapping), mapping["tasks"]
        kinds = mapping.get("kinds", {})
        self.name = mapping.get("name", "")
        self.ids = [str(task["id"]) for task in tasks]
        self.kind = [task.get("kind") for task in tasks]
        self.virtual = [bool(task.get("virtual")) for task in tasks]
        self.duration = [_durations(task, kinds, per_unit) for task in tasks]
        self.tiles = dict(mapping.get("tiles", {}))
        self.operands = [[(name, mode) for name, mode in task.get("access", [])]
                         for task in tasks]
        number = {name: i for i, name in enumerate(self.ids)}
        listed = [(number[str(e[0])], number[str(e[1])], e[2] if len(e) > 2 else 0)
                  for e in mapping.get("edges", [])]
        derived, self.carried = _from_accesses(self.operands, self.tiles)
        edges = sorted(derived | {(i, j) for i, j, _ in listed})
        for i, j, payload in listed:
            self.carried[i, j] = self.carried.get((i, j), 0) + payload
        self.successors = _lists(edges, len(tasks))
        self.predecessors = _lists([(j, i) for i, j in edges], len(tasks))
        if comm == "tiles":
            self._payloads_as_tiles([edge for edge in listed if edge[2] > 0])
        else:
            self.operands = [[] for _ in tasks]

    def __len__(self) -> int:
        return len(self.ids)

    def _payloads_as_tiles(self, listed) -> None:
        for i, j, payload in listed:
            name = f"{self.ids[i]}>{self.ids[j]}"
            self.tiles[name] = payload
            self.operands[j].append((name, "R"))
        for i, j, _ in listed:
            self.operands[i].append((f"{self.ids[i]}>{self.ids[j]}", "W"))


def _durations(task, kinds, per_unit: int) -> dict[str, int]:
    given = {**kinds.get(task.get("kind"), {}), **task.get("duration", {})}
    return {name: ticks(x, per_unit) for name, x in given.items() if x is not None}


def _from_accesses(operands, tiles):
    edges, carried, writer, readers = set(), {}, {}, {}
    for t, accesses in enumerate(operands):
        for name, mode in accesses:
            if name in writer:
                edges.add((writer[name], t))
                if "R" in mode:
                    pair = (writer[name], t)
                    carried[pair] = carried.get(pair, 0) + tiles[name]
            if "W" in mode:
                edges |= {(r, t) for r in readers.get(name, ())}
        for name, mode in accesses:
            if "W" in mode:
                writer[name], readers[name] = t, []
            else:
                readers.setdefault(name, []).append(t)
    return edges, carried


def _lists(pairs, n: int) -> list[list[int]]:
    found = [[] for _ in range(n)]
    for i, j in pairs:
        found[i].append(j)
    return [sorted(row) for row in found]
