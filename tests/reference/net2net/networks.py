"""Architectures: lists of (depth, width, kernel), their counts, and what actions do to them."""
import math

LADDER = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
DEEPEST = 8


PUBLISHED = {       # unpadded convolutions with bias; the linear layer counts as a third stage
    "cnn1": {"hw": [32, 32], "cin": 3, "widths": [32, 32, 10], "kernel": [3, 3, 1], "classes": 10,
             "head": "none", "extra": [3, 3, 1], "pixels": [30 * 30, 13 * 13, 1],
             "pooled": [15 * 15, None, None]},
    "cnn2": {"hw": [32, 32], "cin": 3, "widths": [64, 32, 10], "kernel": [3, 3, 1], "classes": 10,
             "head": "none", "extra": [3, 3, 1], "pixels": [30 * 30, 28 * 28, 1],
             "pooled": [None, None, None]},
}


class Network:
    """The base network of a cell, a mapping with hw, head, classes, widths."""

    def __init__(self, cell):
        self.hw, self.cin = tuple(cell["hw"]), cell.get("cin", 1)
        self.head, self.classes = cell["head"], cell["classes"]
        n = len(cell["widths"])
        self.base = list(zip(cell.get("depth", [1] * n), cell["widths"],
                             cell.get("kernel", [3] * n), strict=True))
        self.stages = n
        self.extra = cell.get("extra", [2] * n)         # per unit: those of BatchNorm
        self.pooled = cell.get("pooled", [(self.hw[0] >> s) * (self.hw[1] >> s)
                                          for s in range(1, n)] + [None])
        self.areas = cell.get("pixels", [self.hw[0] * self.hw[1], *self.pooled[:-1]])

    def pixels(self, stage):
        """Output pixels of a stage: sizes halve between stages, rounded down."""
        return self.areas[stage]

    def head_inputs(self, x):
        """Inputs of the linear layer, 0 without one."""
        return x[-1][1] * {"gap": 1, "flat": self.pixels(self.stages - 1), "none": 0}[self.head]

    def weights(self, x):
        """Weights of the convolutions, per stage."""
        found, before = [], self.cin
        for depth, width, kernel in x:
            found.append(kernel * kernel * width * (before + (depth - 1) * width))
            before = width
        return found

    def parameters(self, x):
        """Trainable numbers."""
        beside = sum(extra * width * depth for extra, (depth, width, _)
                     in zip(self.extra, x, strict=True))
        bias = 0 if self.head == "none" else self.classes
        return sum(self.weights(x)) + beside + self.head_inputs(x) * self.classes + bias

    def stage_macs(self, x):
        """Multiply-accumulates per stage."""
        return [self.pixels(s) * q for s, q in enumerate(self.weights(x))]

    def macs(self, x):
        """Multiply-accumulates of one sample."""
        return sum(self.stage_macs(x)) + self.head_inputs(x) * self.classes

    def features(self, x):
        """How far x has grown: depths, widths, kernels of the stages."""
        pairs = list(zip(x, self.base, strict=True))
        return ([a[0] - b[0] for a, b in pairs] + [math.log2(a[1] / b[1]) for a, b in pairs]
                + [(a[2] - b[2]) / 2 for a, b in pairs])


def edits_of(action_set, stages, action):
    """The single edits (kind, stage) of an action."""
    if action == 0:
        return []
    if action_set == "depth":
        return [("deepen", s) for s in range(stages) if action >> s & 1]
    if action_set == "peer":
        return [("deepen", action - 1)]
    if action > 3 * stages:
        return [("undo", -1)]
    return [(("deepen", "widen", "kernel")[(action - 1) // stages], (action - 1) % stages)]


def action_count(action_set, stages):
    """Number of actions."""
    return {"depth": 2**stages, "grow": 1 + 3 * stages, "malleable": 2 + 3 * stages,
            "peer": 4}[action_set]


def edited(x, edit):
    """The architecture after one growth edit, or None where it is not possible."""
    kind, stage = edit
    depth, width, kernel = x[stage]
    if kind == "deepen":
        new = (depth + 1, width, kernel) if depth < DEEPEST else None
    elif kind == "widen":
        wider = LADDER[LADDER.index(width) + 1:] if width in LADDER else ()
        new = (depth, wider[0], kernel) if wider else None
    else:
        new = (depth, width, kernel + 2) if kernel <= 5 else None
    return None if new is None else [*x[:stage], new, *x[stage + 1:]]
