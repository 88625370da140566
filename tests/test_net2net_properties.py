"""What holds for every job under the model."""
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.net2net.cells import edited, edits_of
from envs.net2net.model import play, tree
from envs.net2net.oracles.model import seed_of, setup_of
from envs.net2net.planning.allocation import HEURISTICS, lp_bound, optimal
from envs.net2net.planning.jobs import Jobs, columns_of
from envs.net2net.planning.planner import plan, quiet
from envs.net2net.theta import read_thetas
from tests.net2net_kernel import engine_of, repeatable, seen
from tests.net2net_oracles import oracle
from tests.reference.net2net.instances import instances

SLACK = 1e-9
SETS = {name: one for name, one in read_thetas().items() if one.action_set == "depth"}


def played(case, setup=None):
    """The sequence of a case alone: (setup, Played)."""
    setup = setup or setup_of(case)
    return setup, play(setup, [case["sequence"]], seed_of(case))


def times(setup):
    """Where the segments end."""
    return [*setup.cell.decisions, setup.cell.budget_ms]


@repeatable(150)
@given(instances())
def test_only_edits_carry_the_clock_past_a_limit(case):
    setup, run = played(case)
    clock, x, before = run.clock[0], setup.cell.network.base, []
    assert clock[0] <= times(setup)[0] + SLACK
    for j, action in enumerate(run.taken[0]):
        spent = 0.0
        if action:
            network, made = setup.cell.network, x
            for edit, stage in edits_of(setup.cell.action_set, int(action), setup.cell.stages):
                made = before.pop() if edit == "undo" else edited(made, edit, stage)
                spent += max(network.step_ms(made, max(1, g), setup.profile)
                             for _, g in setup.timeline)
                if edit == "undo":
                    x = made
            if x is not made:
                before.append(x)
                x = made
        assert clock[j + 1] >= clock[j]
        assert clock[j + 1] <= max(clock[j] + spent, times(setup)[j + 1]) + SLACK
    assert [list(stage) for stage in x] == run.architecture[0].tolist()


@repeatable(150)
@given(instances(noise=None))
def test_the_error_rises_by_jumps_alone(case):
    setup, run = played(case)
    jumps = [len(edits_of(setup.cell.action_set, int(a), setup.cell.stages))
             * max(setup.jump_grow, setup.jump_undo) for a in run.taken[0]]
    assert (np.diff(run.latent[0]) <= np.array(jumps) + SLACK).all()
    assert (run.latent <= setup.theta.e0).all()
    np.testing.assert_allclose(run.noisy, run.observed, rtol=0, atol=SLACK)


@repeatable(100)
@given(instances(), st.floats(-2, 2))
def test_never_does_not_depend_on_what_growth_brings(case, shift):
    case = {**case, "sequence": [0] * len(case["sequence"])}
    theta = {key: [x + shift for x in value] if key in ("kappa", "lambda") else value
             for key, value in case["theta"].items()}
    (_, run), (_, other) = played(case), played({**case, "theta": theta})
    for field, values in run._asdict().items():
        np.testing.assert_array_equal(values, getattr(other, field), field)


@repeatable(150)
@given(instances(), st.floats(0.01, 0.99))
def test_a_change_to_the_same_number_of_gpus_changes_nothing(case, part):
    setup = setup_of(case)
    entries = list(setup.timeline)
    at = part * case["budget_ms"]
    place = sum(time <= at for time, _ in entries)
    split = [*entries[:place], (at, entries[place - 1][1]), *entries[place:]]
    (_, run), (_, other) = played(case), played(case, replace(setup, timeline=tuple(split)))
    np.testing.assert_array_equal(run.steps, other.steps)
    for field in ("clock", "latent", "observed", "noisy", "gpu_seconds"):
        np.testing.assert_allclose(getattr(run, field), getattr(other, field), rtol=0, atol=SLACK)


@repeatable(60)
@given(instances(gpu_timeline=[[0.0, 1]]))
def test_one_gpu_all_the_time_is_the_plain_job(case):
    setup = setup_of(case)
    plain = replace(setup, timeline=((0.0, 1),))
    assert plain == setup
    (_, run), (_, other) = played(case), played(case, replace(
        setup, timeline=((0.0, 1), (1e9, 4))))
    for field, values in run._asdict().items():
        np.testing.assert_array_equal(values, getattr(other, field), field)
    assert run.gpu_seconds[0, -1] == pytest.approx(run.clock[0, -1] / 1000, rel=SLACK)


@repeatable(60)
@given(instances())
def test_gains_add_up_to_the_last_accuracy(case):
    shown, rewards = seen(case, "delta")
    assert sum(rewards) == pytest.approx(shown["accuracy"][-1], abs=SLACK)
    assert rewards[0] == pytest.approx(shown["accuracy"][1], abs=SLACK)
    assert sum(seen(case)[1]) == shown["accuracy"][-1]


@repeatable(60)
@given(instances())
def test_masks_say_what_is_taken(case):
    setup, shown = setup_of(case), seen(case)[0]
    run = play(setup, [case["sequence"]], seed_of(case))
    for asked, taken, mask in zip(case["sequence"], run.taken[0], shown["masks"], strict=True):
        assert mask[0] == 1 and taken == (asked if mask[asked] else 0)


@repeatable(40)
@given(instances(vary=0.0))
def test_no_sequence_beats_the_plan(case):
    case = {**case, "fractions": case["fractions"][:2]}
    setup = quiet(setup_of(case))
    made, leaves = plan(setup), tree(setup).leaf
    best = np.nanmax(leaves)
    assert made.exact and best - 1e-12 <= made.accuracy <= best
    within = np.flatnonzero(leaves >= best - 1e-12)
    assert made.sequence == setup.cell.sequence_of(within[0])
    assert made.never == leaves[0] and made.evaluated == np.isfinite(leaves).sum()


@repeatable(30)
@given(instances())
def test_equal_histories_meet_equal_noise(case):
    """Runs that differ in the last action alone show the same until then."""
    setup = setup_of(case)
    other = [*case["sequence"][:-1], (case["sequence"][-1] + 1) % setup.cell.actions]
    run = play(setup, [case["sequence"], other], seed_of(case))
    np.testing.assert_array_equal(run.noisy[0, :-1], run.noisy[1, :-1])


def test_a_snapshot_goes_on_as_the_original():
    for case in oracle("env")["episodes"]:
        engine, want = engine_of(case), seen(case)
        on = np.ones(engine.envs, bool)
        before = engine.block.copy()
        for _ in range(2):
            for action in case["sequence"]:
                engine.play(on, np.full(engine.envs, action))
            assert float(engine.block["run"]["accuracy"][0]) == want[0]["accuracy"][-1]
            engine.block[:] = before


@st.composite
def several_jobs(draw):
    """Up to three jobs on up to four GPUs in up to three slots."""
    slots, rows = draw(st.integers(1, 3)), []
    for _ in range(draw(st.integers(1, 3))):
        arrival = draw(st.integers(0, slots - 1))
        rows.append({"task": draw(st.sampled_from(sorted(SETS))), "arrival_slot": arrival,
                     "deadline_slot": draw(st.integers(arrival + 1, slots))})
    return {"gpus": draw(st.integers(1, 4)), "slots": slots, "jobs": rows,
            "slot_ms": draw(st.integers(50, 600)) * 1.0,
            "gpu_options": draw(st.sampled_from([[0, 1], [0, 1, 2], [0, 2, 3]]))}


@repeatable(20)
@given(several_jobs())
def test_no_heuristic_beats_the_program_nor_the_program_its_bound(config):
    """The program is as good as the best of all allocations."""
    columns = columns_of(Jobs.from_config(config), SETS)
    count = range(len(config["jobs"]))
    every = [np.array(chosen) for chosen in product(
        *(np.flatnonzero(columns.job == k).tolist() for k in count))]
    fitting = [chosen for chosen in every
               if (columns.gpus[chosen].sum(axis=0) <= config["gpus"]).all()]
    best = max(columns.accuracy[chosen].sum() for chosen in fitting)
    found = columns.accuracy[optimal(columns)].sum()
    assert found == pytest.approx(best, abs=SLACK) and found <= lp_bound(columns) + SLACK
    for heuristic in HEURISTICS.values():
        allocation = heuristic(columns)
        assert (allocation.sum(axis=0) <= config["gpus"]).all()
        assert columns.total(allocation) <= found + SLACK
