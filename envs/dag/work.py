"""The tables that all replicas read: the machine, the graphs, and the options as codes."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from envs.core.jit import records

if TYPE_CHECKING:
    from envs.dag.system import System

COMM = ("none", "matrix", "tiles")
NOISE = ("none", "lognormal", "truncnorm")
POLICIES = ("fifo", "random", "random_wait", "prio", "locality", "mct_wait", "mct_wait_loc", "dm",
            "dmda", "dmdar", "dmdas", "ws", "job_fifo", "sjf", "fair", "static", "user", "env")
SLOT_ORDER = ("priority", "fifo")
HOST = 0

SETUP = np.dtype([
    ("per_unit", "f8"),            # ticks per unit of time
    ("bus_up", "f8"),              # bytes per unit; inf: unlimited
    ("bus_down", "f8"),
    ("user", "i8"),                # address of a compiled policy
    ("margin", "i8"),              # log entries that a step may need
    ("scale", "i8"),               # option time_scale in ticks, 0: by the first decision
    ("noise_share", "f8"),         # greatest sigma
    ("comm", "i4"),
    ("fair", "i4"),
    ("prefetch", "i4"),
    ("workers", "i4"),
    ("nodes", "i4"),
    ("types", "i4"),
    ("full", "i4"),                # everything of an arrived job is visible
    ("window", "i4"),              # else edges to look ahead
    ("never", "i4"),               # option wait
    ("noise", "i4"),
    ("matrix", "i4"),              # c is given by worker pair
    ("foresee", "i4"),             # actual whole paths are kept
    ("recorded", "i4"),
    ("slot_order", "i4"),
    ("groups", "i4"),              # of tasks with equal expected durations
], align=True)

WORKER_INFO = np.dtype([("kind", "i4"), ("node", "i4")], align=True)
NODE_INFO = np.dtype([("capacity", "i8"), ("speed", "f8", (2,))], align=True)
LINK = np.dtype([                  # [m, n]: between nodes; [p, r]: matrix between workers
    ("lag", "i8"), ("speed", "f8"), ("direct", "i4"), ("pair_lag", "i8"), ("pair_speed", "f8"),
], align=True)
GRAPH = np.dtype([
    ("first_task", "i8"), ("tasks", "i4"), ("tiles", "i4"), ("work", "i8"),
    ("bound", "i8"),               # LB0: no schedule is shorter
], align=True)
TASK_INFO = np.dtype([
    ("least", "i8"),               # least expected duration over the machine's types
    ("tail", "i8"),                # B at hop 0, and over whole paths
    ("whole", "i8"),
    ("length", "i8"),              # bytes of all operands, of those it reads
    ("reads", "i8"),
    ("carried", "i8"),             # bytes of all incoming edges
    ("first_pred", "i8"),
    ("first_succ", "i8"),
    ("first_operand", "i8"),
    ("spread", "f8"),              # of its durations: s of lognormal, sigma of truncnorm
    ("preds", "i4"),
    ("succs", "i4"),
    ("operands", "i4"),
    ("kind", "i4"),
    ("virtual", "i4"),
    ("group", "i4"),               # NONE: it has none
    ("rank", "i4"),                # place by (-tail, number) in its graph
    ("order", "i4"),               # [k]: task at place k of the canonical topological order
], align=True)
ARC = np.dtype([("task", "i4"), ("length", "i8")], align=True)
OPERAND = np.dtype([("tile", "i4"), ("mode", "i4"), ("length", "i8")], align=True)


class Work(NamedTuple):
    """Read-only tables; task numbers inside are those of a graph unless it says otherwise."""

    setup: np.ndarray      # (1,) SETUP
    worker: np.ndarray     # (P,) WORKER_INFO
    node: np.ndarray       # (M,) NODE_INFO
    link: np.ndarray       # (max(P, M), max(P, M)) LINK
    graph: np.ndarray      # (G,) GRAPH
    task: np.ndarray       # (T,) TASK_INFO, graph after graph
    time: np.ndarray       # (T, Y) expected durations by type of the machine, NONE = not able
    arc: np.ndarray        # (A,) ARC: successors, then predecessors, of all tasks
    operand: np.ndarray    # (O,) OPERAND
    tail: np.ndarray       # (T, w + 1) B with at most so many edges; (1, 1) where all is visible
    cost: np.ndarray       # (C, Y + M) by group: expected ticks by type, most to fetch by node


def make_work(system: System, *, recorded: bool, user: int = 0, foresee: bool = False,
              time_scale: int = 0, slot_order: str = "priority") -> Work:
    """The tables of a system; `foresee` keeps actual whole paths for clairvoyant estimates."""
    options, machine = system.scenario.options, system.scenario.machine
    setup = np.zeros(1, SETUP)
    up, down = machine.bus or (None, None)
    sigma = options.sigma
    row = dict(
        per_unit=float(system.per_unit), bus_up=_speed(up), bus_down=_speed(down), user=user,
        margin=system.margin, scale=time_scale,
        noise_share=max(sigma.values(), default=0.0) if isinstance(sigma, dict) else sigma,
        comm=COMM.index(machine.comm), fair=machine.network == "fair", prefetch=machine.prefetch,
        workers=len(system.worker), nodes=len(system.node), types=len(machine.types),
        full=options.visible == "full", never=options.wait == "never",
        window=options.window if options.visible == "window" else 0,
        noise=NOISE.index(options.noise), matrix=machine.matrix is not None, foresee=foresee,
        recorded=recorded, slot_order=SLOT_ORDER.index(slot_order), groups=system.groups)
    for name, value in row.items():
        setup[name] = value
    if options.noise == "none":
        setup["noise_share"] = 0.0
    return Work(*(records(x) for x in (setup, system.worker, system.node, system.link, system.graph,
                                       system.task)), system.time, records(system.arc),
                records(system.operand), system.tail, system.cost)


def _speed(bandwidth: float | None) -> float:
    return np.inf if bandwidth is None else float(bandwidth)
