"""One job under the learning-curve model: the budget clock, the edits, the latent error."""
import math

from tests.reference.net2net.draws import normal
from tests.reference.net2net.networks import Network, action_count, edited, edits_of

PROFILES = {"cpu": (1, 1.05, 5, 0, 0), "flat": (11.6, .34, 0, 0, 0),
            "gpu": (3, .15, .05, .9, .02), "multi": (.5, 1.05, 5, .8, .1)}
NEAR = 1e-9


def varied(theta, vary, seed):
    """The parameters disturbed by a draw."""
    new = dict(theta)
    for i, key in enumerate(("einf", "tau0", "beta", "c")):
        new[key] = theta[key] * math.exp(vary * normal(seed, 32, i))
    both = [*theta["kappa"], *theta["lambda"]]
    both = [x + .5 * vary * normal(seed, 32, 4 + i) for i, x in enumerate(both)]
    half = len(theta["kappa"])
    return {**new, "kappa": both[:half], "lambda": both[half:]}


class Job:
    """A case being played; `act` and `train` change it, everything else looks."""

    def __init__(self, case, seed=0):
        self.network = Network(case["cell"])
        self.budget = case["budget_ms"]
        self.times = [f * self.budget for f in case["fractions"]]
        self.action_set, self.decisions = case["action_set"], len(self.times)
        self.actions = action_count(self.action_set, self.network.stages)
        self.timeline = case.get("gpu_timeline") or [[0.0, 1]]
        profile = case.get("profile", "cpu")
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.jumps = case.get("jump_grow", 0.0), case.get("jump_undo", .02)
        self.noise = case.get("noise") or {"run": 0.0, "curve": 0.0}
        self.most = case.get("max_parameters")
        self.theta = varied(case["theta"], case["vary"], seed) if case.get("vary") else \
            case["theta"]
        self.seed = seed
        self.t, self.e, self.x = 0.0, self.theta["e0"], self.network.base
        self.j, self.steps, self.gpu_ms = 0, 0, 0.0
        self.taken, self.before, self.node = [], [], 0
        self.last_edit = None
        self.train()

    def step_ms(self, x, gpus):
        """Time of one step."""
        overhead, layer, work, alpha, gamma = self.profile
        convolutions = sum(depth for depth, _, _ in x)
        return (overhead + (layer * convolutions + work * self.network.macs(x) / 1e6) / gpus**alpha
                + gamma * (gpus - 1))

    def gpus(self):
        """GPUs in force."""
        return [g for time, g in self.timeline if time <= self.t + NEAR][-1]

    def next_change(self):
        """When the timeline changes next."""
        return min((time for time, _ in self.timeline if time > self.t + NEAR),
                   default=math.inf)

    def limit(self):
        """Where the segment ends that starts with decision j behind it."""
        return self.times[self.j] if self.j < self.decisions else self.budget

    def train(self):
        """Up to the next limit."""
        limit = self.limit()
        while True:
            gpus, change = self.gpus(), self.next_change()
            if gpus == 0:
                if change >= limit:
                    self.t = max(self.t, limit)
                    return
                self.t = change
                continue
            cost = self.step_ms(self.x, gpus)
            room = max(0, math.floor((limit - self.t) / cost + NEAR))
            n = room
            if change < limit:
                n = min(room, max(1, math.ceil((change - self.t) / cost - NEAR)))
            self.learn(n, cost)
            self.t += n * cost
            self.steps += n
            self.gpu_ms += n * cost * gpus
            if n == room and change > self.t + NEAR:
                return

    def learn(self, n, cost):
        """The latent error after n steps that start now."""
        theta, phi = self.theta, self.network.features(self.x)
        floor = theta["einf"] * math.exp(-math.fsum(
            k * f for k, f in zip(theta["kappa"], phi, strict=True)))
        tau = theta["tau0"] * math.exp(math.fsum(
            k * f for k, f in zip(theta["lambda"], phi, strict=True)))
        if n == 0 or floor >= self.e or floor >= theta["e0"]:
            return
        progress = (n * (1 - .95 * self.t / self.budget)
                    - .95 * cost / self.budget * n * (n - 1) / 2)
        span, beta = theta["e0"] - floor, theta["beta"]
        v = (span / (self.e - floor))**(1 / beta) + progress / tau
        self.e = floor + span * v**-beta

    def after(self, action):
        """The architectures after each single edit of an action, or None where it is masked."""
        found, x = [], self.x
        for edit in edits_of(self.action_set, self.network.stages, action):
            undo = edit[0] == "undo"
            x = (self.before or [None])[-1] if undo else edited(x, edit)
            if x is None:
                return None
            found.append(x)
        if found and self.most is not None and self.network.parameters(x) > self.most:
            return None
        return found

    def mask(self):
        """1 for actions that can be taken; at the end there is nothing left to choose."""
        if self.j == self.decisions:
            return [1] + [0] * (self.actions - 1)
        return [int(self.after(a) is not None) for a in range(self.actions)]

    def act(self, action):
        """Take decision j and train up to the next."""
        architectures = self.after(action)
        if architectures is None:
            action, architectures = 0, []
        undo = bool(action) and edits_of(self.action_set, self.network.stages,
                                         action)[0][0] == "undo"
        if undo:
            self.before.pop()
        elif action:
            self.before.append(self.x)
        for x in architectures:
            gpus = max(1, self.gpus())
            cost = self.step_ms(x, gpus)
            self.x, self.t, self.gpu_ms = x, self.t + cost, self.gpu_ms + cost * gpus
            self.e = min(self.theta["e0"], self.e + self.jumps[undo])
            self.last_edit = self.t
        self.taken.append(action)
        self.node = self.actions * self.node + 1 + action
        self.j += 1
        self.train()

    def rate(self):
        """The learning rate against its start."""
        return 1 - .95 * self.t / self.budget

    def shown(self, run=0.0, curve=0.0):
        """Observed error."""
        error = self.e + self.theta["c"] * self.rate() + run + curve
        return min(1.0, max(0.0, error))

    def losses(self):
        """Validation and training loss, which the model has not."""
        return None

    def noisy(self):
        """Observed error with this seed's noise."""
        return self.shown(self.noise["run"] * normal(self.seed, 30),
                          self.noise["curve"] * normal(self.seed, 31, self.node))


def play(case, seed=0):
    """One sequence: what the oracles record, by name."""
    job = Job(case, seed)
    rows = [(job.t, job.e, job.shown(), job.noisy(), job.steps)]
    for action in case["sequence"]:
        job.act(action)
        rows.append((job.t, job.e, job.shown(), job.noisy(), job.steps))
    clock, latent, observed, noisy, steps = (list(column) for column in zip(*rows, strict=True))
    return {"taken": job.taken, "clock_ms": clock, "latent_error": latent,
            "observed_error": observed, "final_architecture": [list(s) for s in job.x],
            "final_accuracy": 1 - observed[-1], "noisy_error": noisy, "steps": steps,
            "gpu_seconds": job.gpu_ms / 1000}
