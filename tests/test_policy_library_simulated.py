"""Costs of versions by simulation: a batch of cases is what single runs are."""
import numpy as np
import pytest

from agents.library.families import Family
from agents.library.simulated import Simulated, costs_of_baseline
from agents.policy import Policy
from envs.dag.scenario import Scenario
from envs.dag.simulate import simulate
from envs.dag.workloads import open_workload

GPUS = {"unit": "1", "comm": "none", "workers": [{"type": "gpu", "count": 2}, {"type": "cpu"}]}


class Like(Policy):
    """Does what a rule would do."""

    def __init__(self, rule, **options):
        self.rule, self.options = rule, {"env": options}

    def start(self, env):
        self.env = env

    def act(self, observation, mask, deterministic=True):
        return self.env.advice(self.rule)


def scenario(*graphs, **options):
    return Scenario.from_config({"name": "small", "machine": GPUS, "workload": [*graphs],
                                 "env": {"max_decisions": 3}, **options})


def family(*graphs, cases=None, **options):
    found = Family("small", dict(scenario(*graphs, **options).config))
    return found if cases is None else Family("small", found.scenario, cases)


ALIKE = tuple((500_000 + i,) * 2 for i in range(6))


@pytest.mark.parametrize("asked", [
    family("cholesky(n=3)", "lu(n=3)", noise="lognormal", sigma=0.3, cases=ALIKE),
    family("layered(n=20,seed=episode)", cases=ALIKE),
    family("cholesky(n=3)", "lu(n=2)", noise="lognormal", sigma=0.3,
           cases=((1, 2), (3, 3), (1, 5), (9, 2))),
    Family("stream", {"machine": GPUS, "objective": "jct", "workload": {
        "train": ["cholesky(n=2)", "lu(n=3)"], "poisson": {"load": 0.8, "jobs": 5}}}, ALIKE),
], ids=["noise", "random", "two_seeds", "stream"])
def test_a_batch_of_cases_is_what_single_runs_are(asked):
    judge = Simulated()
    assert judge.ratios("mct_wait", asked) == pytest.approx(np.ones(len(asked.cases)), rel=1e-15)
    assert judge.ratios(Like("mct_wait"), asked) == pytest.approx(
        np.ones(len(asked.cases)), rel=1e-12)
    fifo = judge.ratios(Like("fifo", slot_order="fifo"), asked)
    assert fifo == pytest.approx(judge.ratios("fifo", asked), rel=1e-12)
    assert len(np.unique(fifo)) > 1


def test_costs_are_in_the_machines_unit():
    small = scenario("cholesky(n=4,table=k40_960)").replace(
        machine={**GPUS, "unit": "ms"}, env={})
    trace = open_workload(None, small).pool("validation").trace(7)
    ticks = simulate(small, trace, seed=7, policy="fifo").makespan
    assert costs_of_baseline("fifo", small, ((7, 7),)).tolist() == [ticks / 1e6]


def test_columns_say_which_kinds_they_stand_for():
    judge = Simulated()
    told = judge.features(Like("fifo"), family("cholesky(n=3)"))
    assert told["kinds"] == ["gemm", "potrf", "syrk", "trsm"] and told["slots"][0] == "used"
    listed = judge.features(Like("fifo", kinds=["trsm", "gemm"]), family("cholesky(n=3)"))
    assert listed["kinds"] == ["trsm", "gemm"]


def test_training_batches_come_from_the_training_part():
    env = Simulated().batch(Like("fifo"), family("cholesky(n=2)"), 3)
    observation, _ = env.reset(seed=0)
    assert len(observation["slots"]) == 3
    env.close()
