"""The plain-Python reference against the shared oracles."""
import math

import pytest

from envs.core.oracles import same
from tests.cluster_oracles import instances, jobs, oracle, recorded, rows
from tests.reference.cluster.bounds import bounds
from tests.reference.cluster.compare import disagreements
from tests.reference.cluster.goodput import best, efficiency, throughput
from tests.reference.cluster.metrics import metrics
from tests.reference.cluster.run import expected, simulate
from tests.reference.cluster.shares import isolated
from tests.reference.cluster.system import System

BLOX, TIRESIAS = oracle("blox/index"), oracle("tiresias/index")
SCENARIOS = ("philly-32", "synthetic-64", "mixed-36", "elastic-32")


@pytest.mark.parametrize("instance", instances(), ids=lambda instance: instance["name"])
def test_every_instance(instance):
    assert disagreements(instance["expected"], expected(simulate(instance))) == []


@pytest.mark.parametrize("name", [f"blox/{f}" for f in BLOX] + [f"tiresias/{f}" for f in TIRESIAS])
def test_every_recorded_run(name):
    simulator = simulate(recorded(*name.split("/")))
    lines = rows(name)
    for job, progress in zip(simulator.system.jobs, simulator.state.progress, strict=True):
        row = lines[job.line]
        assert progress.finish == microseconds(row["finish_s"]), job.line
        if "first_start_s" in row:
            assert progress.first_start == microseconds(row["first_start_s"]), job.line
            assert progress.preemptions == int(row["preemptions"] or 0), job.line


def microseconds(cell):
    return math.floor(float(cell) * 1e6 + 0.5) if cell else None


@pytest.mark.parametrize("name", SCENARIOS)
def test_metrics_and_bounds_of_the_scenarios(name):
    content = oracle(f"scenarios/{name}")
    instance = {key: content[key] for key in ("cluster", "classes")}
    instance["jobs"] = jobs(f"scenarios/{content['trace']}")
    for run in content["runs"]:
        if run["policy"] in ("easy", "tiresias", "srtf-gpu repack", "isolated", "optimus"):
            found = metrics(simulate({**instance, "options": run["options"]}))
            assert far(run["metrics"], found) == [], run["policy"]
    system = System({**instance, "options": {}})
    assert far(content["bounds"], bounds(system)) == []
    if "bounds_elastic" in content:
        assert far(content["bounds_elastic"], bounds(system, {"sizes": "pow2"})) == []


def far(want, got):
    assert set(want) == set(got)
    return [key for key in want if not same(want[key], got[key])]


def test_goodput():
    for model in oracle("goodput"):
        for row in model["expected"]:
            nodes, replicas = row["nodes"], row["replicas"]
            found, m, k = best(model, nodes, replicas)
            assert (m, k) == (row["atomic_batch"], row["accumulation"])
            assert same(row["goodput"], found)
            speed = throughput(model["params"], nodes, replicas, 32, 1)
            assert same(row["throughput_at_m32_k1"], speed)
            assert same(row["efficiency_at_4B0"], efficiency(model, 4 * model["batch0"]))


def test_isolated_shares():
    for problem in [oracle("lp/gavel-5x3"), *oracle("lp/random")]:
        types = range(len(problem["capacity"]))
        nodes = [{"type": j, "gpus": problem["capacity"][j]} for j in types]
        instance = {
            "cluster": {"types": [str(j) for j in types], "nodes": nodes}, "options": {},
            "classes": [{"speed": row} for row in problem["speed"]],
            "jobs": [{"arrival_s": 0, "duration_s": 1, "gpus": g, "class": m}
                     for m, g in enumerate(problem["gpus"])]}
        simulator = simulate(instance)
        found = isolated(simulator.system, simulator.state, range(len(problem["gpus"])))
        for want, got in zip(problem["expected"]["isolated"], found, strict=True):
            assert got == pytest.approx(want, abs=1e-12)
