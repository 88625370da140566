"""Random jobs in the form of the shared cases, with corners that the rules name."""
from hypothesis import strategies as st

from tests.reference.net2net.networks import LADDER, action_count

SETS = ("depth", "grow", "malleable")


@st.composite
def instances(draw, **keys):
    """An `instance` that can be made smaller."""
    return instance(draw(st.randoms(use_true_random=False)), **keys)


def instance(r, **given):
    """A case with its sequence; keywords replace single keys."""
    stages = len(given["cell"]["widths"]) if "cell" in given else r.choice((1, 2, 2, 2, 3))
    case = {"cell": cell(r, stages), "theta": theta(r, stages),
            "budget_ms": round(r.choice((60, 250, 900)) * r.uniform(.5, 2), 3),
            "fractions": fractions(r), "action_set": r.choice(SETS),
            "profile": profile(r), "jump_grow": r.choice((0.0, round(r.uniform(0, .2), 3))),
            "jump_undo": r.choice((.02, 0.0, round(r.uniform(0, .1), 3))),
            "noise": {"run": r.choice((0.0, .03)), "curve": r.choice((0.0, .02)),
                      "seed": r.randrange(2**64)},
            "vary": r.choice((0.0, 0.0, .3)), **given}
    case.setdefault("gpu_timeline", timeline(r, case))
    case.setdefault("max_parameters", r.choice((None, None, r.randint(500, 60_000))))
    actions = action_count(case["action_set"], stages)
    case.setdefault("sequence", sequence(r, actions, len(case["fractions"])))
    return case


def cell(r, stages):
    """A network that may begin deep, wide, off the ladder or with large kernels."""
    side = r.choice((8, 9, 16, 31))
    found = {"hw": [side, r.choice((side, 2 * side, side + 3))], "head": r.choice(("gap", "flat")),
             "classes": r.choice((2, 3, 10)), "cin": r.choice((1, 1, 3)),
             "widths": [r.choice((*LADDER, 7, 100)) for _ in range(stages)]}
    if r.random() < .4:
        found["depth"] = [r.choice((1, 2, 6, 7, 8)) for _ in range(stages)]
    if r.random() < .4:
        found["kernel"] = [r.choice((1, 3, 5, 7)) for _ in range(stages)]
    return found


def theta(r, stages):
    """Parameters; coefficients of both signs, curves that fall at once and hardly at all."""
    return {"e0": round(r.uniform(.3, 1), 4), "einf": round(r.choice((.02, .2, .6, 1.1))
                                                             * r.uniform(.5, 1.5), 4),
            "tau0": round(10 ** r.uniform(-.5, 3), 3), "beta": round(10 ** r.uniform(-.6, .7), 4),
            "c": r.choice((0.0, round(r.uniform(0, .2), 4))),
            "kappa": [round(r.uniform(-.8, 1), 4) for _ in range(3 * stages)],
            "lambda": [round(r.uniform(-1, 1), 4) for _ in range(3 * stages)]}


def fractions(r):
    """One to five ascending decision times, some equal, some at 0 or near the end."""
    found = [r.choice((0.0, .999, round(r.uniform(0, .9999), 4), round(r.uniform(0, .9999), 4)))
             for _ in range(r.choice((1, 2, 3, 3, 5)))]
    if r.random() < .2:
        found[-1] = found[0]
    return sorted(found)


def profile(r):
    """A name, or five numbers."""
    made = [round(r.uniform(.2, 4), 3), round(r.uniform(0, 1.5), 3), round(r.uniform(0, 6), 3),
            round(r.uniform(0, 1), 3), round(r.uniform(0, .3), 3)]
    return r.choice(("cpu", "multi", "gpu", "flat", made))


def timeline(r, case):
    """GPUs that come and go, also exactly at decisions, also to the same number, also never."""
    marks = [f * case["budget_ms"] for f in case["fractions"]] + [case["budget_ms"]]
    times = {r.choice((round(r.uniform(0, 1.1) * case["budget_ms"], 2), r.choice(marks)))
             for _ in range(r.choice((0, 0, 1, 3, 6)))} - {0.0}
    found = [[0.0, r.choice((1, 1, 2, 4, 0))]]
    found += [[time, r.choice((0, 1, 1, 2, 3, 4))] for time in sorted(times)]
    if not any(gpus for _, gpus in found):
        found[-1][1] = 1
    return found


def sequence(r, actions, length):
    """Actions, some of them masked; 0 often."""
    return [r.choice((0, actions - 1, *(r.randrange(actions) for _ in range(4))))
            for _ in range(length)]
