"""What must hold of every run, whatever the policy (section 17 of the specification)."""
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from envs.dag.bounds import lower_bounds
from envs.dag.durations import actual_durations
from envs.dag.graph import READ, WRITE, with_payload_tiles
from envs.dag.options import PLAIN, PUSHING
from envs.dag.state import STAGE, WRITEBACK
from tests.dag_kernel import repeatable, run_of
from tests.reference.dag.instances import instances

POLICIES = st.sampled_from((*PLAIN, *PUSHING))


def graphs_of(run):
    return [with_payload_tiles(job.graph) if run.system.tiled else job.graph
            for job in run.trace.jobs]


@repeatable(80)
@given(instances(), POLICIES)
def test_workers_do_one_thing_at_a_time(instance, policy):
    run = run_of(instance, policy)
    assert (run.tasks["finish"] >= run.tasks["start"]).all()
    for w in range(len(run.system.worker)):
        mine = run.tasks[run.tasks["worker"] == w]
        order = np.lexsort((mine["finish"], mine["start"]))
        assert (mine["start"][order][1:] >= mine["finish"][order][:-1]).all()
        assert (mine["start"] >= mine["assigned"]).all()
        assert (mine["assigned"] >= mine["ready"]).all()


@repeatable(80)
@given(instances(), POLICIES)
def test_precedence(instance, policy):
    run = run_of(instance, policy)
    for j, job in enumerate(run.trace.jobs):
        tasks = run.tasks[run.tasks["job"] == j]
        assert (tasks["start"][job.graph.dst] >= tasks["finish"][job.graph.src]).all()
        assert tasks["ready"].min() >= job.arrival == run.jobs["arrival"][j]
        assert tasks["finish"].max() == run.jobs["finish"][j]


@repeatable(100)
@given(instances(comm="tiles"), POLICIES)
def test_operands_are_there(instance, policy):
    """What a task reads was written on its node, or came there after it was written last."""
    run = run_of(instance, policy)
    node_of = run.system.machine.node_of
    for j, graph in enumerate(graphs_of(run)):
        tasks, moved = run.tasks[run.tasks["job"] == j], run.transfers[run.transfers["job"] == j]
        for i, (tile, mode) in operands(graph):
            if not mode & READ:
                continue
            node, start = node_of[tasks["worker"][i]], tasks["start"][i]
            writer = last_writer(graph, i, tile)
            home, since = (0, job_arrival(run, j)) if writer is None else \
                (node_of[tasks["worker"][writer]], tasks["finish"][writer])
            came = moved[(moved["tile"] == tile) & (moved["dst"] == node)
                         & (moved["start"] >= since) & (moved["end"] <= start)]
            assert home == node or len(came), (j, i, tile)


def operands(graph):
    for i in range(len(graph)):
        for k in range(graph.operand_first[i], graph.operand_first[i + 1]):
            yield i, (graph.operand_tile[k], graph.operand_mode[k])


def last_writer(graph, task, tile):
    """Program order is the order of numbers; a payload has one writer, wherever it stands."""
    found = [i for i, (d, mode) in operands(graph) if d == tile and mode & WRITE and i != task]
    payload = ">" in graph.tiles[tile]
    return max((i for i in found if payload or i < task), default=None)


def job_arrival(run, j):
    return run.jobs["arrival"][j]


@repeatable(100)
@given(instances(comm="tiles"), POLICIES)
def test_memory_is_never_above_capacity(instance, policy):
    run = run_of(instance, policy)
    capacity = run.system.machine.capacity
    assert (run.memory["used"] <= capacity[run.memory["node"]]).all()
    assert (run.memory["used"] >= 0).all()
    last = {int(m["node"]): int(m["used"]) for m in run.memory}
    assert not any(last.values())       # finished jobs leave nothing


@repeatable(80)
@given(instances(comm="tiles"), POLICIES)
def test_dirty_evictions_are_written_back(instance, policy):
    run = run_of(instance, policy)
    dirty = run.evictions[run.evictions["dirty"] == 1]
    back = run.transfers[run.transfers["kind"] == WRITEBACK]
    assert [list(row) for row in dirty[["node", "job", "tile"]].tolist()] == \
        [list(row) for row in back[["src", "job", "tile"]].tolist()]
    assert (back["dst"] == 0).all() and (back["start"] >= dirty["time"]).all()
    assert (run.transfers["dst"][run.transfers["kind"] == STAGE] == 0).all()
    assert (run.clean, run.dirty) == (len(run.evictions) - len(dirty), len(dirty))


@repeatable(80)
@given(instances(network="fifo", comm="tiles"), POLICIES)
def test_a_channel_carries_one_transfer_at_a_time(instance, policy):
    run = run_of(instance, policy)
    for end in ("src", "dst"):
        for n in range(1, len(run.system.node)):
            mine = run.transfers[run.transfers[end] == n]
            assert (mine["start"][1:] >= mine["end"][:-1]).all()    # in order of request


@repeatable(120)
@given(instances(network="fair", comm="tiles", unit="1"), POLICIES)
def test_ports_are_never_above_capacity(instance, policy):
    """What flowed wholly within a span of time fits through the port in that time."""
    run = run_of(instance, policy)
    machine, moved = run.system.machine, run.transfers
    bus = machine.bus or (None, None)
    own = machine.node_workers
    limits = {("src", 0): bus[0], ("dst", 0): bus[1],
              **{("src", n): w.out.bandwidth for n, w in enumerate(own, 1)},
              **{("dst", n): w.into.bandwidth for n, w in enumerate(own, 1)}}
    for (end, n), limit in limits.items():
        mine = moved[moved[end] == n]
        for first in mine["start"] if limit is not None else ():
            for last in mine["end"]:
                inside = mine[(mine["start"] >= first) & (mine["end"] <= last)]
                assert inside["bytes"].sum() <= limit * max(0, last - first) + 1e-3


@repeatable(80)
@given(instances(jobs=1), POLICIES)
def test_no_run_is_below_the_bounds(instance, policy):
    run = run_of(instance, policy)
    graph, scenario = run.trace.jobs[0].graph, run.system.scenario
    times = actual_durations(graph, scenario.machine, scenario.options, run.seed)
    bounds = lower_bounds(graph, scenario.machine, scenario.options, times)
    assert run.makespan - run.jobs["arrival"][0] >= bounds["lb"]
    assert bounds["lb"] >= bounds["cp"]
