"""The plain-Python reference against the shared oracles."""
import pytest

from envs.core.oracles import differences
from tests.dag_oracles import graph_of, instance, oracle
from tests.reference.dag import policies, rewards
from tests.reference.dag.arithmetic import block, normal, philox, uniforms
from tests.reference.dag.machine import Link
from tests.reference.dag.network import max_min
from tests.reference.dag.observation import Observer
from tests.reference.dag.run import log, simulate, summary
from tests.reference.dag.search import search
from tests.reference.dag.simulator import Simulator
from tests.reference.dag.system import System

MEMORY, WAIT, NETWORK = oracle("memory")["cases"], oracle("wait"), oracle("network")
COLUMNS = ("makespan", "fetch", "stage", "writeback", "evictions", "waits")
NOTED = ("mct_wait", "dmda", "ws", "fifo")


def runs(summaries):
    return {policy: want for policy, want in summaries.items() if not policy.startswith("static:")}


def test_random_numbers():
    content = oracle("random")
    for counter, key, words in content["philox4x32_10"]:
        assert philox(counter, key) == words
    for seed, stream, a, b, k, u, v in content["draw"]:
        assert uniforms(seed, stream, a, b, k) == (u, v)
    for seed, stream, a, b, k, z in content["normal"]:
        assert normal(seed, stream, a, b, k) == pytest.approx(z, abs=1e-12)
    assert block(0, 0, 0, 0, 0) == content["philox4x32_10"][0][2]


@pytest.mark.parametrize("case", [*oracle("units")["cases"], *NETWORK["timed"]],
                         ids=lambda case: case["name"])
def test_situations_by_hand(case):
    simulator = simulate(instance(case), case["policy"])
    assert summary(simulator) == case["summary"]
    assert log(simulator) == case["log"]


@pytest.mark.parametrize("case", MEMORY, ids=lambda case: str(case["id"]))
def test_every_option_and_policy(case):
    for policy, want in runs(case["summary"]).items():
        simulator = simulate(instance(case), policy)
        assert summary(simulator) == want, policy
        if policy in case["log"]:
            assert log(simulator) == case["log"][policy], policy


def test_links_and_fair_rates():
    for latency, bandwidth, per_unit, size, ticks in NETWORK["link_times"]:
        link = Link({"latency": latency, "bandwidth": bandwidth}, per_unit)
        assert link.time(size) == ticks
    for case in NETWORK["maxmin"]:
        capacity = {(side, n): float("inf") if c is None else c
                    for side in ("up", "down") for n, c in enumerate(case[side])}
        flows = [[("up", m), ("down", n)] for m, n in case["flows"]]
        assert max_min(flows, capacity) == pytest.approx(case["rates"], rel=1e-12)


def test_streams():
    for case in oracle("streams")["cases"]:
        for policy, want in case["results"].items():
            found = summary(simulate(instance(case), policy))
            assert {key: found[key] for key in want} == want, policy


def test_tiled_graphs_with_memory():
    for case in oracle("tiled")["memory"]:
        if case["graph"].startswith("cholesky(n=4"):
            shared = {"machine": case["machine"], "jobs": [[0, graph_of(case["graph"])]]}
            for policy in NOTED:
                found = summary(simulate(shared, policy))
                assert [found[key] for key in COLUMNS] == case["results"][policy], policy


def test_published_graphs():
    for case in oracle("static")["instances"]:
        shared = {"machine": case["machine"], "jobs": [[0, case["graph"]]]}
        for policy, want in case["policies"].items():
            assert summary(simulate(shared, policy))["makespan"] == want, policy


@pytest.mark.parametrize("case", [c for c in WAIT["cases"] if c["transfer"] in (0, 2)],
                         ids=lambda case: f"{case['capacity']}, {case['transfer']}")
def test_waiting(case):
    found = search(System(instance(case)))
    numbers = {task["id"]: i for i, task in enumerate(case["jobs"][0][1]["tasks"])}
    assert found.complete and found.value == case["best"]
    assert found.decisions == [(t, w, None if name is None else (0, numbers[name]))
                               for t, w, name in case["best_decisions"]]
    busy = search(System(instance(case, wait="never")))
    assert busy.value == case["best_without_wait"]
    for policy, want in case["policies"].items():
        assert summary(simulate(instance(case), policy))["makespan"] == want, policy


@pytest.mark.parametrize("row", WAIT["regret"], ids=lambda row: f"{row['policy']} {row['oracle']}")
def test_regret(row):
    case = next(c for c in WAIT["cases"] if (c["capacity"], c["transfer"]) == (3, 10))
    found = rewards.rewards(System(instance(case)), answers(row["policy"]), "regret",
                            "exact" if row["oracle"] == "exact" else "rollout", unit=1)
    assert found == [regret for *_, regret in row["regrets"]]


def answers(policy):
    return lambda simulator: policies.answer(simulator, policy)


@pytest.mark.parametrize("case", oracle("rewards")["cases"], ids=lambda case: case["policy"])
def test_rewards(case):
    system = System(instance(case))
    assert [rewards.lb0(system, job) for job in system.jobs] == case["lb0"]
    assert rewards.reference(system) == case["ref"]
    for column, reward in enumerate(("makespan", "jct", "regret", "final"), 3):
        found = rewards.rewards(system, answers(case["policy"]), reward)
        assert found == pytest.approx([row[column] for row in case["rows"]], abs=1e-9), reward


@pytest.mark.parametrize("case", oracle("observation")["cases"], ids=lambda case: case["name"])
def test_observations(case):
    system = System(instance(case))
    observer = Observer(system, case["slots"], case["nodes"], case["edges"])
    simulator, before = Simulator(system), None
    wanted = {shot["decision"]: shot for shot in case["snapshots"]}
    while simulator.pending() is not None:
        found, state = observer.observe(simulator, before), simulator.state
        if state.decisions in wanted:
            shot = wanted[state.decisions]
            assert (shot["time"], shot["worker"]) == (state.now, state.asking)
            assert differences(filled(shot["observation"], found), found) == []
        before = state.now
        simulator.answer(policies.answer(simulator, case["driver"]))
    assert (observer.time_scale, simulator.state.decisions) == (case["time_scale"],
                                                                case["decisions"])


def filled(want, found):
    """With the rows of zeros that an oracle leaves out."""
    rows = {key: [want[key].get(str(r), [0.0] * len(row)) for r, row in enumerate(found[key])]
            for key in ("slots", "nodes")}
    return {**want, **rows}
