"""What must hold in every run, on random small instances (the kernel's records)."""
import copy
from random import Random

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from envs.cluster.bounds import bounds
from envs.cluster.metrics import metrics
from envs.cluster.oracles.recorded import beaten
from envs.cluster.state import DRAIN, FAIL, FINISH, FINISHED, NONE, OPEN, PREEMPT, RESCALE, RUNNING
from tests.cluster_kernel import repeatable, run_of
from tests.reference.cluster.instances import instances
from tests.reference.cluster.simulator import Simulator
from tests.reference.cluster.system import System

BETWEEN_EVENTS = ("las", "las-gpu", "llf", "hrrn")      # orders that change as time passes
READS_THE_CLOCK = ("boost_after_s", "relax_after_s", "age_s", "promote", "quantum_s", "track")
SHORT = {"until_s": 4000.0}


def rows(run):
    """Segments with their GPUs: job, start, end (that of the run if open), places, reason."""
    for s in run.segments:
        first, count = int(s["first"]), int(s["count"])
        places = [(int(p["node"]), int(p["gpus"])) for p in run.pieces[first:first + count]]
        end = int(s["end_us"]) if s["end_us"] >= 0 else run.end_us
        yield int(s["job"]), int(s["start_us"]), end, places, int(s["reason"])


@repeatable(100)
@given(instances(**SHORT))
def test_no_gpu_is_held_twice_nor_on_a_node_that_is_down(instance):
    run = run_of(instance)
    system, changes = run.system, []
    for _, start, end, places, reason in rows(run):
        for node, gpus in places:
            changes.append((start, 2, node, gpus))
            if reason != OPEN:
                changes.append((end, 0, node, -gpus))
    changes += [(int(c["time_us"]), 1, int(c["node"]), int(c["up"])) for c in run.node_log]
    held, up = np.zeros(len(system.node_gpus), int), system.starts_up.copy()
    for _, kind, node, value in sorted(changes):
        if kind == 1:
            assert up[node] != value and held[node] == 0
            up[node] = value
            continue
        held[node] += value
        assert 0 <= held[node] <= (system.node_gpus[node] if up[node] else 0)


class Watched(Simulator):
    """The reference, with every GPU accounted for after every instant."""

    def instant(self, t):
        super().instant(t)
        held = [0] * len(self.system.nodes)
        for number in self.state.running():
            for node, count in self.state.progress[number].segment.places:
                held[node] += count
        for n, node in enumerate(self.system.nodes):
            down = 0 if self.state.up[n] else node.gpus
            assert held[n] + self.state.free[n] + down == node.gpus
            assert held[n] == 0 or self.state.up[n]


@repeatable(60)
@given(instances(**SHORT))
def test_held_and_free_and_down_are_all_gpus_at_every_instant(instance):
    watched = Watched(System(instance))
    watched.run()
    finish = [NONE if p.finish is None else p.finish for p in watched.state.progress]
    assert finish == run_of(instance).jobs["finish_us"].tolist()


@repeatable(100)
@given(instances(**SHORT))
def test_attained_service_is_the_sum_of_closed_segments(instance):
    run = run_of(instance)
    wall, gpu = np.zeros(len(run.jobs), np.int64), np.zeros(len(run.jobs), np.int64)
    counts = np.zeros((len(run.jobs), 2), int)
    for job, start, end, places, reason in rows(run):
        assert end > start or reason == OPEN
        if reason == OPEN:
            continue
        wall[job] += end - start
        gpu[job] += (end - start) * sum(g for _, g in places)
        counts[job, 0] += PREEMPT <= reason <= RESCALE
        counts[job, 1] += reason in (DRAIN, FAIL)
    assert wall.tolist() == run.jobs["wall_us"].tolist()
    assert gpu.tolist() == run.jobs["gpu_us"].tolist()
    assert counts.T.tolist() == [run.jobs[c].tolist() for c in ("preemptions", "evictions")]


@repeatable(100)
@given(instances(**SHORT))
def test_records_are_in_order(instance):
    run = run_of(instance)
    jobs, arrival, status = run.jobs, run.system.arrival_us, run.jobs["status"]
    done, started = jobs["finish_us"] >= 0, jobs["first_start_us"] >= 0
    assert np.array_equal(done, status == FINISHED)
    assert (jobs["admitted_us"][started] <= jobs["first_start_us"][started]).all()
    assert (arrival <= jobs["admitted_us"])[started].all()
    assert (jobs["first_start_us"] < jobs["finish_us"])[done].all()
    assert (jobs["finish_us"] <= run.end_us).all() and not (done & ~started).any()
    key = list(zip(run.segments["start_us"].tolist(), run.segments["job"].tolist(), strict=True))
    assert key == sorted(key)
    last = {int(s["job"]): int(s["reason"]) for s in run.segments}
    for job, reason in last.items():
        assert (reason == FINISH) == done[job] and (reason == OPEN) == (status[job] == RUNNING)


def work_done(run, instance):
    """Work of all segments of each job, recomputed from the records (no curve, no locality)."""
    done = np.zeros(len(run.jobs))
    system, started = run.system, set()
    for s, (job, start, end, _, reason) in zip(run.segments, rows(run), strict=True):
        cls = system.cls[job]
        overhead = system.restart_us[cls] if job in started else system.launch_us[cls]
        started.add(job)
        rate = system.speed[cls, s["gpu_type"]] * system.locality[cls, s["level"]]
        done[job] += rate * max(0, end - start - overhead)
        if reason == OPEN:
            done[job] = np.nan
    return done


@repeatable(100)
@given(instances(completion="exact", **SHORT))
def test_work_is_neither_lost_nor_won(instance):
    assume("elastic" not in instance["options"])
    run = run_of(instance)
    done, jobs, work = work_done(run, instance), run.jobs, run.system.work
    finished = jobs["finish_us"] >= 0
    # A segment ends on a whole microsecond: each may do up to a rate's worth too much.
    slack = 2.3 * (1 + jobs["preemptions"] + jobs["evictions"]) + 1e-9 * work
    assert (np.abs(done - work - jobs["lost_us"])[finished] <= slack[finished]).all()
    assert not (done > work + jobs["lost_us"] + slack)[~finished].any()
    assert (jobs["lost_us"] >= 0).all()


@repeatable(60)
@given(instances(until_s=20000.0), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(instance, rng):
    for i, job in enumerate(instance["jobs"]):      # distinct arrivals
        job["arrival_s"] = round(job["arrival_s"]) + i / 1000
    places = list(range(len(instance["jobs"])))
    rng.shuffle(places)
    other = copy.deepcopy(instance)
    other["jobs"] = [other["jobs"][i] for i in places]
    if "share" in other["options"]:
        other["options"]["share"]["X"] = [other["options"]["share"]["X"][i] for i in places]
    one, two = run_of(instance), run_of(other)
    assert same(one, two)


def same(one, two, factor=1):
    """Whether two runs are equal, times of the first multiplied."""
    times = [n for n in one.jobs.dtype.names if n.endswith("_us")]
    return all([
        *(np.array_equal(scaled(one.jobs[n], factor), two.jobs[n]) for n in times),
        *(np.array_equal(one.jobs[n], two.jobs[n]) for n in ("preemptions", "evictions")),
        [(j, s * factor, p, r) for j, s, _, p, r in rows(one)]
        == [(j, s, p, r) for j, s, _, p, r in rows(two)]])


def scaled(times, factor):
    return np.where(times < 0, times, times * factor)


def tiny(instance):
    """The same instance in microseconds: whole ones, few of them."""
    rng = Random(len(instance["jobs"]))
    for job in instance["jobs"]:
        job["arrival_s"], job["duration_s"] = rng.randrange(40) / 1e6, rng.randint(1, 30) / 1e6
        for column in ("deadline_s", "estimate_s"):
            if column in job:
                job[column] = rng.randint(1, 60) / 1e6
    for event in instance["cluster"]["events"]:
        event["time_s"] = rng.randrange(60) / 1e6
    for row in instance["classes"]:
        row |= {"speed": [1.0 if s else 0.0 for s in row["speed"]], "locality": [1, 1, 1],
                "launch_s": rng.randrange(3) / 1e6, "restart_s": rng.randrange(4) / 1e6,
                "checkpoint_s": rng.choice((0, 2e-6, None))}
    instance["options"] = {k: v for k, v in instance["options"].items()
                           if k not in READS_THE_CLOCK}
    instance["options"] |= {"gittins_delta_gpu_s": 7e-6, "until_s": 1.0,
                            "queue_limits_gpu_s": [5e-6, 20e-6]}
    instance["options"].pop("gittins_sample_gpu_s", None)
    return instance


@repeatable(150)
@given(instances("plain", completion="exact", evict="safe"))
def test_rounds_of_a_microsecond_are_event_mode(instance):
    instance = tiny(instance)
    options = instance["options"]
    assume(options["order"] not in BETWEEN_EVENTS)
    # These (and evict=eager) may decide otherwise when asked again although nothing happened.
    assume(options["placement"] != "scatter-exact")
    assume(options["preempt"] != "repack" or not options["order"].startswith("srtf"))
    events, rounds = (run_of({**instance, "options": {**options, "mode": mode, "round_s": 1e-6}})
                      for mode in ("event", "round"))
    assert same(events, rounds)


def doubled(instance):
    """Every time of the input twice as long."""
    longer = copy.deepcopy(instance)
    for table in (longer["jobs"], longer["classes"], longer["cluster"]["events"],
                  [longer["options"]], [longer["options"].get("share", {})],
                  [longer["options"].get("lookahead", {})]):
        for row in table:
            for key, value in row.items():
                if key.endswith("_s") and value is not None:
                    row[key] = [2 * v for v in value] if isinstance(value, list) else 2 * value
    return longer


def powers_of_two(instance):
    """Whole seconds, and rates that are powers of two."""
    for table in (instance["jobs"], instance["cluster"]["events"], instance["classes"]):
        for row in table:
            for key, value in row.items():
                if key.endswith("_s") and value:
                    row[key] = max(1.0, float(round(value)))
    for row in instance["classes"]:
        row.pop("curve", None)
        row["speed"] = [2.0 if s > 1 else s for s in row["speed"]]
        row["locality"] = [1, 0.5, 0.25]
    options = instance["options"]
    if options["placement"] == "random" or options["order"] == "random":
        options |= {"placement": "packed", "order": "fifo"}
    for key in ("round_s", "quantum_s"):
        if key in options:
            options[key] = float(round(options[key]))
    return instance


@repeatable(80)
@given(instances("plain", until_s=4000.0))
def test_twice_the_times_give_twice_the_results(instance):
    instance = powers_of_two(instance)
    assert same(run_of(instance), run_of(doubled(instance)), 2)


@repeatable(100)
@given(instances(until_s=20000.0))
def test_no_run_beats_a_bound(instance):
    run = run_of(instance)
    elastic = "elastic" in instance["options"]
    assert beaten(run, bounds(run.system, elastic)) == []
    found = metrics(run)
    if found["finished"]:
        assert found["slowdown_mean"] >= 1 - 1e-9 or elastic
        assert 0 < found["utilisation"] <= 1 and 0 <= found["fragmentation"] <= 1


@repeatable(40)
@given(instances("plain", until_s=20000.0))
def test_a_larger_reserve_of_time_changes_nothing(instance):
    """A run that is over is over: `until_s` beyond the end is not seen."""
    run = run_of(instance)
    assume((run.jobs["finish_us"] >= 0).all())
    later = {**instance, "options": {**instance["options"], "until_s": 1e7}}
    assert same(run, run_of(later))
