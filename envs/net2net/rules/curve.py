"""The parametric model: how the latent error falls with training, and what is seen of it."""
import math

from envs.core.jit import part, rule
from envs.net2net.rules.draws import begin, link, normal
from envs.net2net.work import PARAMETRIC

DECAY = 0.95            # share of the learning rate that is gone at the end of the budget
RUN_NOISE, CURVE_NOISE, VARY = 30, 31, 32       # streams of draws


@rule
def rate(s, w, t):
    """The learning rate at `t` over that at the start."""
    return 1.0 - DECAY * t / w.cell[s.run[0].cell].budget


@part
def vary(s, w):
    """The model's parameters of an episode: those of its cell, varied around them."""
    run, stages = s.run[0], w.setup[0].stages
    cell, v = w.cell[run.cell], w.setup[0].vary
    run.e0, run.einf, run.tau0, run.beta, run.c = cell.e0, cell.einf, cell.tau0, cell.beta, cell.c
    for i in range(3 * stages):
        s.coefficient[i].kappa = w.coefficient[run.cell, i].kappa
        s.coefficient[i].lam = w.coefficient[run.cell, i].lam
    if v == 0.0:
        return
    x = link(begin(run.seed), VARY)
    run.einf *= math.exp(v * normal(link(x, 0)))
    run.tau0 *= math.exp(v * normal(link(x, 1)))
    run.beta *= math.exp(v * normal(link(x, 2)))
    run.c *= math.exp(v * normal(link(x, 3)))
    for i in range(3 * stages):
        s.coefficient[i].kappa += 0.5 * v * normal(link(x, 4 + i))
        s.coefficient[i].lam += 0.5 * v * normal(link(x, 4 + 3 * stages + i))


@part
def enter_curve(s, w):
    """Asymptote and time constant of the present network."""
    run, stages = s.run[0], w.setup[0].stages
    gain, delay = 0.0, 0.0
    for k in range(stages):
        stage, base = s.stage[k], w.base[run.cell, k]
        deeper = float(stage.layers - base.layers)
        wider = math.log2(stage.width / base.width) if stage.width != base.width else 0.0
        larger = (stage.kernel - base.kernel) / 2.0
        gain += (s.coefficient[k].kappa * deeper + s.coefficient[stages + k].kappa * wider
                 + s.coefficient[2 * stages + k].kappa * larger)
        delay += (s.coefficient[k].lam * deeper + s.coefficient[stages + k].lam * wider
                  + s.coefficient[2 * stages + k].lam * larger)
    run.floor = run.einf * math.exp(-gain)
    run.pace = run.tau0 * math.exp(delay)


@rule
def learn(s, w, n, cost):
    """`n` steps of `cost` ms each from the present clock; the clock stays."""
    run = s.run[0]
    if run.floor >= run.error or run.floor >= run.e0:
        return
    budget = w.cell[run.cell].budget
    progress = n * (1.0 - DECAY * run.clock / budget) - (DECAY * cost / budget) * (
        n * (n - 1) / 2.0)
    span = run.e0 - run.floor
    v = (span / (run.error - run.floor)) ** (1.0 / run.beta) + progress / run.pace
    run.error = run.floor + span * v ** -run.beta


@part
def noise(s, w):
    """Noise of the present observation: equal histories under one seed meet equal noise."""
    run, cell = s.run[0], w.cell[s.run[0].cell]
    x = begin(run.seed)
    total = 0.0
    if cell.run_noise > 0.0:
        total += cell.run_noise * normal(link(x, RUN_NOISE))
    if cell.curve_noise > 0.0:
        total += cell.curve_noise * normal(link(link(x, CURVE_NOISE), run.node))
    return total


@rule
def observed_error(s, w, extra):
    """The error that a measurement would show now, with so much noise."""
    run = s.run[0]
    return min(1.0, max(0.0, run.error + run.c * rate(s, w, run.clock) + extra))


@rule
def see(s, w):
    """Measure the validation accuracy."""
    run, cell = s.run[0], w.cell[s.run[0].cell]
    run.previous = run.accuracy
    extra = noise(s, w) if cell.run_noise > 0.0 or cell.curve_noise > 0.0 else 0.0
    run.accuracy = 1.0 - observed_error(s, w, extra)


@rule
def modelled(w):
    """Whether errors come from the model."""
    return w.setup[0].backend == PARAMETRIC
