"""Situations that can be followed with a pencil, and the tables of the specification."""
import numpy as np
import pytest

from envs.dag.foresight import search
from envs.dag.oracles.runs import log, scenario_of, summary, trace_of
from envs.dag.simulate import simulate, simulate_batch

LINK = {"latency": 10}
GPU = {"type": "gpu", "in": LINK, "out": LINK}
CPU = {"type": "cpu"}


def run(tasks, workers, policy="fifo", tiles="abcdef", edges=(), machine=(), seed=0, **options):
    """A run of tasks {id: ({type: time}, "a:R b:RW")} with tiles of a byte, unit 1."""
    return simulate(*built(tasks, workers, tiles, edges, machine, **options), policy=policy,
                    seed=seed)


def built(tasks, workers, tiles="abcdef", edges=(), machine=(), **options):
    rows = [{"id": name, "duration": times,
             "access": [part.split(":") for part in access.split()]}
            for name, (times, access) in tasks.items()]
    graph = {"format": "dag-1", "unit": "1", "tiles": dict.fromkeys(tiles, 1), "tasks": rows,
             "edges": list(edges)}
    case = {"machine": {"unit": "1", "workers": workers, **dict(machine)}, "graph": graph,
            "options": options}
    return scenario_of(case), trace_of(case)


def starts(found):
    """{id: (worker, start, finish)}."""
    return {row[1]: (row[2], row[4], row[5]) for row in log(found)["tasks"]}


def on_gpu(access, time=5):
    return {"gpu": time}, access


FIRST = on_gpu("a:R b:R c:RW")


def test_three_fetches_in_a_row():
    assert starts(run({"x": FIRST}, [{**GPU, "memory": 3}])) == {"x": (0, 30, 35)}


@pytest.mark.parametrize(("room", "evictions"), [(4, []), (3, [[35, 1, "0/b", False]])])
def test_the_tile_used_least_recently_goes_without_a_write_back(room, evictions):
    found = run({"x": FIRST, "y": on_gpu("a:R d:R c:RW")}, [{**GPU, "memory": room}])
    assert found.makespan == 50 and summary(found)["fetch"] == 4
    assert log(found)["evictions"] == evictions


@pytest.mark.parametrize(("room", "want"), [(6, (75, 6, 0, 0)), (3, (105, 9, 2, 6))])
def test_a_chain_that_fits_or_does_not(room, want):
    tasks = {"x": FIRST, "y": on_gpu("d:R e:R f:RW"), "z": FIRST}
    found = summary(run(tasks, [{**GPU, "memory": room}], edges=[["x", "y"], ["y", "z"]]))
    assert tuple(found[k] for k in ("makespan", "fetch", "writeback", "evictions")) == want


def test_fifo_takes_what_it_gets():
    tasks = {"x": ({"cpu": 7, "gpu": 3}, "a:RW"), "y": ({"cpu": 7, "gpu": 3}, "a:RW b:R")}
    assert run(tasks, [{**GPU, "memory": 2}, CPU]).makespan == 26


def test_data_between_gpus_goes_through_the_host_or_straight():
    """Each task has a worker of its own type; the tile is written on the first."""
    tasks = {"x": ({"p": 5}, "a:W"), "y": ({"q": 5}, "a:R")}
    workers = [{**GPU, "type": "p", "memory": 1}, {**GPU, "type": "q", "memory": 1}]
    staged = run(tasks, workers)
    assert starts(staged) == {"x": (0, 0, 5), "y": (1, 25, 30)}
    assert [row[1:] for row in log(staged)["transfers"]] == [[1, 0, 5, 15, "stage"],
                                                            [0, 2, 15, 25, "fetch"]]
    straight = run(tasks, workers, machine={"peer": {"latency": 4}})
    assert starts(straight) == {"x": (0, 0, 5), "y": (1, 9, 14)}
    assert summary(straight)["stage"] == 0


def test_prefetch_overlaps_a_transfer_with_a_computation():
    tasks = {"x": on_gpu("a:R", 20), "y": on_gpu("b:R", 20)}
    workers = [{**GPU, "memory": 2}]
    assert run(tasks, workers).makespan == 60
    ahead = run(tasks, workers, machine={"prefetch": 1})
    assert starts(ahead) == {"x": (0, 10, 30), "y": (0, 30, 50)}


def test_a_new_tile_waits_until_the_evicted_one_has_left():
    """b takes the place of the dirty a: its fetch may start when the write-back has ended."""
    found = run({"x": on_gpu("a:RW"), "y": on_gpu("b:R")}, [{**GPU, "memory": 1}])
    assert log(found)["transfers"] == [["0/a", 0, 1, 0, 10, "fetch"],
                                       ["0/a", 1, 0, 15, 25, "writeback"],
                                       ["0/b", 0, 1, 25, 35, "fetch"]]
    assert found.makespan == 40


def test_two_flows_share_a_link():
    """a and b (100 bytes each at 10 a tick) flow together, so both take 20 ticks."""
    case = {"machine": {"unit": "1", "network": "fair", "workers": [
                {"type": "gpu", "memory": None, "in": {"bandwidth": 10}}]},
            "graph": {"format": "dag-1", "unit": "1", "tiles": {"a": 100, "b": 100},
                      "tasks": [{"id": "x", "duration": {"gpu": 1},
                                 "access": [["a", "R"], ["b", "R"]]}]}}
    found = simulate(scenario_of(case), trace_of(case), policy="fifo")
    assert [row[3:5] for row in log(found)["transfers"]] == [[0, 20], [0, 20]]
    case["machine"]["network"] = "fifo"
    found = simulate(scenario_of(case), trace_of(case), policy="fifo")
    assert [row[3:5] for row in log(found)["transfers"]] == [[0, 10], [10, 20]]


def test_waiting_is_asked_for_only_where_something_can_still_happen():
    """One worker, one ready task: random_wait has nothing to choose between."""
    tasks = {f"x{i}": ({"cpu": 2}, "") for i in range(3)}
    alone = run(tasks, [CPU], policy="random_wait", machine={"comm": "none"})
    assert (alone.waits, alone.decisions, alone.makespan) == (0, 3, 6)


WAITING = {"T1": (40, 3, "a:RW"), "T2": (40, 2, "b:RW"), "T3": (3, 3, "c:RW"),
           "T4": (3, 1, "d:RW e:R"), "T5": (3, 10, "f:RW"), "T6": (40, 1, "a:RW b:R"),
           "T7": (6, 6, "c:RW b:R")}


def test_the_best_schedule_waits():
    tasks = {name: ({"cpu": cpu, "gpu": gpu}, access)
             for name, (cpu, gpu, access) in WAITING.items()}
    workers = [{**GPU, "memory": 3}, CPU]
    best = search(*built(tasks, workers))
    names = list(tasks)
    assert (best.value, best.complete) == (28, True)
    assert [(t, w, "WAIT" if i < 0 else names[i]) for t, w, i in best.decisions] == [
        (0, 0, "T2"), (0, 1, "T3"), (3, 1, "T4"), (6, 1, "T5"), (9, 1, "WAIT"), (12, 0, "T1"),
        (12, 1, "T7"), (25, 0, "T6")]
    assert search(*built(tasks, workers, wait="never")).value == 57
    for policy, makespan in {"fifo": 83, "prio": 100, "locality": 64, "mct_wait": 42}.items():
        assert run(tasks, workers, policy).makespan == makespan


def cholesky(n, table="readys_cholesky", **machine):
    """Scenario and trace of a factorisation on 2 GPU and 2 CPU."""
    case = {"machine": {"unit": "1", "comm": "none",
                        "workers": [{"type": "gpu", "count": 2}, {"type": "cpu", "count": 2}],
                        **machine}, "graph": f"cholesky(n={n},table={table})"}
    return scenario_of(case), trace_of(case)


@pytest.mark.parametrize(("n", "want"), [
    (4, (83, 78, 74, 79, 135)), (6, (162, 144, 146, 155, 288)), (8, (276, 254, 275, 274, 494)),
    (10, (449, 425, 472, 447, 544))])
def test_the_table_of_factorisations(n, want):
    policies = ("static:heft", "static:peft", "mct_wait", "dmda", "prio")
    found = tuple(simulate(*cholesky(n), policy=p).makespan for p in policies)
    assert found == want


NOISE = {0.1: (281.3, 259.4, 274.6, 275.1, 435.0), 0.3: (299.2, 274.1, 276.6, 278.4, 464.6),
         0.8: (348.8, 321.9, 277.7, 303.4, 522.7)}


@pytest.mark.parametrize("sigma", NOISE)
def test_the_table_of_noise(sigma):
    scenario, trace = cholesky(8)
    scenario = scenario.replace(noise="lognormal", sigma=sigma)
    seeds = range(1_000_000, 1_000_040)
    for policy, want in zip(("static:heft", "static:peft", "mct_wait", "dmda", "prio"),
                            NOISE[sigma], strict=True):
        runs = simulate_batch(scenario, trace, seeds, policy=policy, recorded=False)
        assert np.mean([r.makespan for r in runs]) == pytest.approx(want, abs=0.051), policy


K40 = {"latency": 10.3, "bandwidth": 10500}
MEMORY = {(None, 0): (189.7, 91.3, 97.5, 109.5, 88.6, 120.1, 102.3),
          (12, 0): (207.9, 103.4, 106.3, 117.4, 97.4, 129.1, 111.1),
          (12, 1): (211.8, 94.6, 97.6, 101.1, 95.1, 108.3, 95.5),
          (4, 1): (239.2, 105.9, 108.3, 121.7, 122.6, 126.9, 115.9)}


@pytest.mark.parametrize(("tiles", "prefetch"), MEMORY)
def test_the_table_of_memories(tiles, prefetch):
    memory = None if tiles is None else tiles * 3_686_400
    gpus = {"type": "gpu", "count": 2, "memory": memory, "in": K40, "out": K40}
    scenario, trace = cholesky(8, "k40_960", unit="us", comm="tiles", prefetch=prefetch,
                               workers=[gpus, {"type": "cpu", "count": 2}])
    policies = ("fifo", "mct_wait", "mct_wait_loc", "dmda", "dmdas", "static:heft", "static:peft")
    for policy, want in zip(policies, MEMORY[tiles, prefetch], strict=True):
        found = simulate(scenario, trace, policy=policy, recorded=False).makespan / 1e6
        assert found == pytest.approx(want, abs=0.051), policy
