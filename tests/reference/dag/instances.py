"""Random small instances: all options of machine, graph and run."""

from hypothesis import strategies as st

MODES = ("R", "RW", "W")
KINDS = ("k1", "k2", None)


@st.composite
def instances(draw, **keys):
    """An `instance` that can be made smaller."""
    return instance(draw(st.randoms(use_true_random=False)), **keys)


def instance(r, comm=None, network=None, jobs=None, unit=None, most=8, **options):
    """{machine, jobs, options} with at most 3 jobs of `most` tasks; keywords fix choices."""
    comm = comm or r.choice(("tiles", "tiles", "tiles", "matrix", "none"))
    graphs = [graph(r, f"g{j}", most) for j in range(jobs or r.choice((1, 1, 2, 3)))]
    exclude = options.get("oversize", r.choice(("error", "error", "exclude"))) == "exclude"
    arrivals = sorted(r.choice((0, 0, 5, r.randint(0, 40))) for _ in graphs)
    if exclude:
        for task in (task for g in graphs for task in g["tasks"] if not task.get("virtual")):
            task["duration"].setdefault("cpu", r.randint(0, 30))
    machine = machine_for(r, graphs, comm, network, exclude)
    units(r, machine, graphs, unit or r.choice(("1", "1", "half", "real")))
    run = {**chosen(r, {task.get("kind") for g in graphs for task in g["tasks"]} - {None}),
           "oversize": "exclude" if exclude else "error", **options}
    return {"machine": machine, "jobs": [list(job) for job in zip(arrivals, graphs, strict=True)],
            "options": run}


def units(r, machine: dict, graphs, unit: str) -> None:
    """Ticks of 1, of a half (durations have fractions of them), or of a nanosecond."""
    if unit == "half":
        for entry in (machine, *graphs):
            entry["resolution"] = 2
        for task in (task for g in graphs for task in g["tasks"] if "duration" in task):
            task["duration"] = {y: x / 4 for y, x in task["duration"].items()}
    if unit == "real":
        machine["unit"] = "us"
        for g in graphs:
            g["unit"] = r.choice(("us", "ns"))


def chosen(r, kinds) -> dict:
    """Options of a run; noise of some kinds only where there are kinds."""
    options = {"seed": r.choice((0, 3, 2**40 + 7)), "wait": r.choice(("allowed", "never"))}
    options["visible"] = r.choice(("full", "full", "window", "frontier"))
    if options["visible"] == "window":
        options["window"] = r.choice((1, 2))
    noise = r.choice(("none", "none", "lognormal", "truncnorm"))
    if noise != "none":
        sigma = r.choice((0.1, 0.8, 1.5))
        one = r.choice((None, *sorted(kinds)))
        options |= {"noise": noise, "sigma": {one: sigma} if one else sigma}
    return options


def graph(r, name: str, most: int = 8) -> dict:
    """A graph on gpu and cpu with tiles, payloads and virtual tasks; every task can run."""
    tiles = {f"t{d}": r.randint(1, 9) for d in range(r.randint(0, most * 3 // 4))}
    n, tasks, edges = r.randint(1, most), [], []
    for i in range(n):
        if r.random() < 0.1:
            tasks.append({"id": f"v{i}", "virtual": True})
        else:
            tasks.append(task(r, f"a{i}", tiles))
        for before in tasks[:-1]:
            if r.random() < 1.6 / most:
                data = not (before.get("virtual") or tasks[-1].get("virtual"))
                size = r.choice((0, r.randint(1, 8))) if data else 0
                edges.append([before["id"], tasks[-1]["id"], *([size] if size else [])])
    return {"format": "dag-1", "name": name, "unit": "1", "tiles": tiles, "tasks": tasks,
            "edges": edges}


def task(r, name: str, tiles: dict) -> dict:
    """A task with a duration on at least one type."""
    accessed = r.sample(sorted(tiles), min(len(tiles), r.randint(0, 3)))
    duration = {"gpu": r.randint(0, 10), "cpu": r.randint(0, 30)}
    missing = r.choice((None, None, None, None, "gpu", "cpu"))
    found = {"id": name, "duration": {y: x for y, x in duration.items() if y != missing},
             "access": [[d, r.choice(MODES)] for d in accessed]}
    kind = r.choice(KINDS)
    return found if kind is None else {**found, "kind": kind}


def machine_for(r, graphs, comm: str, network: str | None, exclude: bool) -> dict:
    """A machine on which every task can run somewhere."""
    need = largest(graphs)
    capacity = r.randint(1, need) if exclude else need + r.choice((0, 1, 5, 12))
    memory = r.choice((None, capacity, capacity, capacity))
    gpus = {"type": "gpu", "count": r.randint(1, 3), "memory": memory,
            "in": link(r), "out": link(r)}
    workers = [gpus, {"type": "cpu", "count": r.randint(1, 2)}]
    if r.random() < 0.2:
        workers.append({"type": "gpu", "memory": capacity + r.randint(0, 5), "in": link(r),
                        "out": link(r)})
    if r.random() < 0.3:
        workers.reverse()
    machine = {"unit": "1", "comm": comm, "workers": workers, "prefetch": r.choice((0, 0, 1, 2))}
    if comm == "tiles" and (network or r.choice(("fifo", "fifo", "fair"))) == "fair":
        machine["network"] = "fair"
        machine["bus"] = r.choice((None, {"up": 3, "down": None}, {"up": 2, "down": 1}))
    if r.random() < 0.4:
        machine["peer"] = link(r)
    if comm == "matrix" and r.random() < 0.5:
        machine["matrix"] = r.choice((link(r), table(r, workers)))
    return machine


def table(r, workers) -> dict:
    """Links between single workers."""
    count = sum(worker.get("count", 1) for worker in workers)
    rows = [[link(r) for _ in range(count)] for _ in range(count)]
    return {key: [[cell[key] for cell in row] for row in rows] for key in ("latency", "bandwidth")}


def largest(graphs) -> int:
    """Bytes of the largest set of operands, payloads included."""
    return max((needed(g, task) for g in graphs for task in g["tasks"]), default=0) or 1


def needed(g, task) -> int:
    """Bytes of all operands of a task."""
    payloads = sum(edge[2] for edge in g["edges"] if len(edge) > 2 and task["id"] in edge[:2])
    return payloads + sum(g["tiles"][name] for name, _ in task.get("access", []))


def link(r) -> dict:
    """Latency and bandwidth, or neither."""
    return {"latency": r.choice((0, 0, 1, 3)), "bandwidth": r.choice((None, 0.7, 1, 2, 5))}
