"""What must hold in every run, on random small instances (the kernel's records)."""
import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blis.simulate import simulate
from envs.blis.state import LATE, MET, NO_PREDICTOR, QOS, QUEUED, STARTED, STATUS
from tests.blis_kernel import built, repeatable
from tests.reference.blis.allocation import Allocator
from tests.reference.blis.entities import UNFINISHED
from tests.reference.blis.instances import instances
from tests.reference.blis.run import bind
from tests.reference.blis.simulator import Simulator

SINGLE = {"policy": "single"}
SERVED = (MET, LATE, STARTED)


def one_plan(instance):
    """Without the plans after time 0."""
    instance.config["allocation"]["plans"] = instance.config["allocation"]["plans"][:1]
    return instance


def run(instance):
    return simulate(*built(instance))


def launches(kernel):
    """Rows of every batch: device, variant, start, end (clipped at the end of the run), size."""
    records = kernel.records[np.isin(kernel.records["status"], SERVED)]
    keys = sorted({(r["device"], r["start_ms"]) for r in records})
    rows = []
    for device, start in keys:
        batch = records[(records["device"] == device) & (records["start_ms"] == start)]
        assert len(set(batch["variant"].tolist())) == 1
        assert len(set((batch["status"] == STARTED).tolist())) == 1
        end = batch["finish_ms"][0]
        rows.append((device, batch["variant"][0], start, end, len(batch)))
    return rows


class Watched(Simulator):
    """The reference, with invariants checked after every event and the number in system summed."""

    area, before, counted = 0.0, 0.0, 0

    def step(self, end=np.inf):
        handled = super().step(end)
        self.look()
        return handled

    def run_window(self):
        super().run_window()
        self.look()

    def commit(self, plan):
        super().commit(plan)
        self.look()

    def look(self):
        queued = sum(len(d.queue) for d in self.devices)
        running = sum(len(d.batch) for d in self.devices)
        settled = sum(r.status != UNFINISHED for r in self.requests[:self.cursor])
        assert self.cursor == settled + queued + running
        assert self.now >= self.before
        self.area += self.counted * (self.now - self.before)
        self.before, self.counted = self.now, queued + running
        for device in self.devices:
            self.look_at(device)

    def look_at(self, device):
        assert device.running is None or device.loaded == device.running
        assert device.running is None or device.batch_end >= self.now
        assert (device.running is None) == (not device.batch)
        assert device.timer is None or (device.timer >= self.now and device.ready)
        assert device.load_end is None or (device.load_end >= self.now and device.loaded is None)
        assert all(r.start is None and r.arrival <= self.now for r in device.queue)
        assert not device.queue or device.queue[0].family == (
            self.system.variants[device.target].family)


@repeatable(60)
@given(instances())
def test_nothing_is_lost_and_time_adds_up(instance):
    system = bind(instance.config, instance.rows)
    watched = Watched(system, instance.rows, system.options.seed)
    allocator = Allocator(system, instance.rows, system.options.seed)
    allocator.start(watched)
    watched.run(allocator)
    kernel = run(instance)
    left = np.fmin(kernel.records["finish_ms"], kernel.t_end_ms)
    assert (left - kernel.records["arrival_ms"]).sum() == pytest.approx(watched.area, abs=1e-6)


@repeatable(60)
@given(instances())
def test_every_record_is_final_and_in_order(instance):
    kernel = run(instance)
    r, status = kernel.records, kernel.records["status"]
    served, ended = np.isin(status, SERVED), ~np.isin(status, (QUEUED, STARTED))
    assert r["request"].tolist() == list(range(len(r))) and (status < len(STATUS)).all()
    assert np.array_equal(np.isfinite(r["start_ms"]), served)
    assert np.array_equal(np.isfinite(r["finish_ms"]), ended)
    assert np.array_equal(r["variant"] >= 0, served)
    assert np.array_equal(r["device"] < 0, np.isin(status, (NO_PREDICTOR, QOS)))
    assert (r["start_ms"] >= r["arrival_ms"])[served].all()
    assert (r["finish_ms"] > r["start_ms"])[served & ended].all()
    assert (r["finish_ms"] >= r["arrival_ms"])[ended].all() and (
        r["finish_ms"][ended] <= kernel.t_end_ms).all()
    late = r["finish_ms"] > r["arrival_ms"] + r["slo_ms"] + 1e-6
    assert np.array_equal(late[served & ended], status[served & ended] == LATE)
    assert np.array_equal(kernel.system.variant_family[r["variant"][served]], r["family"][served])


@repeatable(60)
@given(instances())
def test_windows_add_up_to_records(instance):
    kernel = run(instance)
    w, r = kernel.windows, kernel.records
    left = w["arrivals"].sum() - sum(w[name].sum() for name in ("met", "late", "dropped"))
    assert left == np.isin(r["status"], (QUEUED, STARTED)).sum()
    assert w["queue"][-1].sum() == (r["status"] == QUEUED).sum()
    assert w["arrivals"].sum() == len(r) and w["met"].sum() == (r["status"] == MET).sum()
    assert kernel.qos_missed == w["missed"].sum()


@repeatable(60)
@given(instances())
def test_one_batch_at_a_time_and_busy_is_the_sum_of_charges(instance):
    kernel, busy = run(instance), {}
    system, free_at = kernel.system, {}
    for device, variant, start, end, size in launches(kernel):
        charge = system.charge[system.device_type[device], variant, size]
        assert np.isnan(end) or end == pytest.approx(start + charge)
        assert size <= system.cap[system.device_type[device], variant]
        assert start >= free_at.get(device, 0.0)
        free_at[device] = start + charge
        busy[device] = busy.get(device, 0.0) + min(charge, kernel.t_end_ms - start)
    found = kernel.window_busy_ms.sum(axis=0)
    assert found == pytest.approx([busy.get(d, 0.0) for d in range(system.devices)])


@repeatable(60)
@given(instances(schedule=True))
def test_first_come_first_served_on_a_device(instance):
    r = run(one_plan(instance)).records
    for device in range(12):
        served = r[np.isin(r["status"], SERVED) & (r["device"] == device)]
        assert (np.diff(served["start_ms"]) >= 0).all()


@repeatable(60)
@given(instances(batching=SINGLE), st.sampled_from(("hopeless", "early_drop")),
       st.sampled_from(("decision", "launch")))
def test_nobody_is_late_who_would_have_been_dropped(instance, policy, moment):
    instance.config["dropping"] = {"policy": policy, "moment": moment}
    assert not (run(instance).records["status"] == LATE).any()


@repeatable(60)
@given(instances(batching=SINGLE, admission="feasible", dropping={"policy": "never"},
                 schedule=True))
def test_nobody_is_late_who_was_admitted(instance):
    assert not (run(one_plan(instance)).records["status"] == LATE).any()


def same_outcome(one, other, factor=1.0):
    a, b = one.records, other.records
    for name in ("status", "device"):
        assert np.array_equal(a[name], b[name])
    for name in ("start_ms", "finish_ms"):
        assert np.array_equal(a[name] * factor, b[name], equal_nan=True)


def stretched(instance, factor):
    """Every time of the input multiplied."""
    longer = copy.deepcopy(instance)
    c = longer.config
    for block, key in ((c, "window_ms"), (c, "horizon_ms"), (c, "accuracy_bin_ms"),
                       (c["batching"], "timeout_ms"), (c["routing"], "horizon_ms")):
        block[key] = block[key] and block[key] * factor
    c["family_slo_ms"] = {f: ms * factor for f, ms in c.get("family_slo_ms", {}).items()}
    for accelerator in c["accelerators"]:
        accelerator["load_fixed_ms"] *= factor
    for v in c["profile"]:
        v["size_mb"] *= factor
        v["load_ms"] = {t: ms * factor for t, ms in v["load_ms"].items()}
        v["latency_ms"] = {t: {b: ms * factor for b, ms in table.items()}
                           for t, table in v["latency_ms"].items()}
    longer.rows = [[r[0] * factor, r[1], r[2] * factor, *r[3:]] for r in longer.rows]
    return longer


@repeatable(60)
@given(instances(schedule=True), st.sampled_from((2.0, 8.0, 0.5)))
def test_a_power_of_two_stretches_time(instance, factor):
    same_outcome(run(instance), run(stretched(instance, factor)), factor)


@repeatable(40)
@given(instances(schedule=True, routing={"policy": "canary", "loading": "always"}),
       st.sampled_from(("canary", "canary_smooth")), st.sampled_from((2.0, 0.25)))
def test_weights_are_relative(instance, policy, factor):
    instance.config["routing"]["policy"] = policy
    other = copy.deepcopy(instance)
    for plan in other.config["allocation"]["plans"]:
        if "weights" in plan:
            plan["weights"] = [w * factor for w in plan["weights"]]
    same_outcome(run(instance), run(other))


@repeatable(40)
@given(instances(schedule=True), st.integers(0, 3))
def test_a_family_without_requests_or_devices_changes_nothing(instance, place):
    other = copy.deepcopy(instance)
    idle = {"family": "idle", "variant": "v", "accuracy": 80, "size_mb": 4,
            "latency_ms": {"x": {"1": 5}}}
    other.config["profile"].insert(place, idle)
    known = list(instance.config.get("families") or sorted({r[1] for r in instance.rows}))
    known.insert(min(place, len(known)), "idle")
    other.config["families"] = known
    other.config["family_slo_ms"] = {**instance.config.get("family_slo_ms", {}), "idle": 40}
    same_outcome(run(instance), run(other))
