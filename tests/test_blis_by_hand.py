"""Rules that random instances seldom reach, worked out by hand: kernel and reference alike."""
import pytest

from envs.blis.env import BlisAccuracyEnv
from envs.blis.simulate import simulate
from tests.blis_kernel import built
from tests.reference.blis import run as reference
from tests.reference.blis.environments import AccuracyEnvironment
from tests.reference.blis.instances import Instance


def variant(name, accuracy, **latency):
    return {"family": "a", "variant": name, "accuracy": accuracy, "load_ms": {"g": 8},
            "latency_ms": {"g": {size[1:]: ms for size, ms in latency.items()}}}


def devices(config, rows):
    """The device of every request, from both simulators."""
    config = {"window_ms": 50, "slo_fraction": 1, **config}
    kernel = simulate(*built(Instance(config, rows))).records["device"].tolist()
    plain = reference.simulate(config, rows).device
    assert kernel == [-1 if d is None else d for d in plain]
    return kernel


def plan(*assign, **more):
    return {"policy": "schedule", "plans": [{"window": 0, "assign": list(assign), **more}]}


def test_smooth_weights_count_what_went_to_candidates_without_weight():
    config = {
        "accelerators": [{"name": "g", "count": 3}], "profile": [variant("s", 90, b1=1)],
        "qos": {"levels": 2}, "routing": {"policy": "canary_smooth"},
        "allocation": plan("a/s", "a/s", "a/s", weights=[1, 3, 0], qos=[0, 0, 1]),
    }
    rows = [[t, "a", 40, 1 if t < 3 else 0, 100] for t in range(8)]
    # Shares of request 4 (n = 3): 1/4 x 4 - 0 and 3/4 x 4 - 0; a tie at n = 7 goes to device 0.
    assert devices(config, rows) == [2, 2, 2, 1, 1, 1, 1, 0]


def infaas(*assign, count, **routing):
    models = [variant("fast", 60, b1=5), variant("mid", 80, b1=6), variant("slow", 90, b1=20)]
    return {
        "accelerators": [{"name": "g", "count": count}], "family_slo_ms": {"a": 40},
        "profile": models,
        "routing": {"policy": "infaas", **routing}, "allocation": plan(*assign),
    }


def test_infaas_takes_the_nearest_variant_that_is_fast_enough():
    config = infaas("a/slow", "a/fast", "a/mid", count=3)
    assert devices(config, [[0, "a", 10, 0, 95]]) == [2]
    assert devices(config, [[0, "a", 20, 0, 95]]) == [0]
    assert devices(config, [[0, "a", 10, 0, 65]]) == [0]    # accurate enough: time is not asked


@pytest.mark.parametrize(("slo", "device"), [(28, 2), (27, 0)])
def test_infaas_loads_what_is_accurate_and_in_time(slo, device):
    config = infaas("a/fast", "a/fast", None, None, count=4, on_demand=True)
    assert devices(config, [[0, "a", slo, 0, 85]]) == [device]  # 8 ms to load, 20 ms to run


def test_infaas_waits_for_a_released_device_that_still_runs():
    config = infaas("a/fast", "a/slow", count=2, on_demand=True)
    config["allocation"]["plans"].append({"window": 1, "assign": ["a/fast", None]})
    rows = [[45, "a", 40, 0, 85], [51, "a", 40, 0, 85], [66, "a", 40, 0, 85]]
    assert devices(config, rows) == [1, 0, 1]


def test_a_request_that_finds_no_device_again_forgets_the_first():
    config = {"accelerators": [{"name": "g", "count": 1}], "profile": [variant("s", 90, b1=30)],
              "allocation": plan("a/s")}
    config["allocation"]["plans"].append({"window": 1, "assign": [None]})
    assert devices(config, [[30, "a", 99, 0, 100], [31, "a", 99, 0, 100]]) == [0, -1]


def test_a_released_device_shows_the_rest_of_its_batch():
    config = {"window_ms": 10, "accelerators": [{"name": "g", "count": 1}],
              "profile": [variant("s", 90, b1=35)], "slo_fraction": 1, "allocation": plan("a/s")}
    rows = [[0, "a", 99, 0, 100], [60, "a", 99, 0, 100]]
    scenario, trace = built(Instance(config, rows))
    env = BlisAccuracyEnv(1, scenario=scenario, trace=trace)
    twin = AccuracyEnvironment(config, rows)
    env.reset(seed=0)
    twin.reset(0)
    env.step([[0]])
    twin.step([0])
    for rest in (15, 5, 0):
        env.step([[1]])
        device = env.raw_observation[0, 10:16].tolist()
        assert device == pytest.approx([0, 0, 0, 0, rest / 1000, 0])
        assert twin.step([1]).observation[10:16] == pytest.approx(device)
