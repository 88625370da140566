"""Where a job goes: a rule per `placement`.

A found place is taken from the layer of free counts at once; its pieces start at `run.found`.
"""
from envs.cluster.rules.pieces import change, settle, settle_one
from envs.cluster.rules.quantities import ceil_div, draw_node, waited
from envs.cluster.state import NEVER, NONE
from envs.cluster.work import PLACEMENT
from envs.core.jit import part, rule

(PACKED, CONSOLIDATED, FIRST_FIT, SCATTER, SPREAD, RANDOM, RACK,
 SCATTER_EXACT) = range(len(PLACEMENT))
ANYWHERE = -1


@rule
def _counts(s, node, kind, rack):
    return s.node[0, node].kind == kind and (rack == ANYWHERE or s.node[0, node].rack == rack)


@part
def tightest(s, layer, kind, want, rack):
    """The node with the smallest free count that holds all, else -1."""
    best, least = NONE, 0
    for node in range(s.node.shape[1]):
        free = s.node[layer, node].free
        if free >= want and (best == NONE or free < least) and _counts(s, node, kind, rack):
            best, least = node, free
    return best


@rule
def _widest(s, layer, kind, rack):
    best, most = NONE, 0
    for node in range(s.node.shape[1]):
        free = s.node[layer, node].free
        if free > most and _counts(s, node, kind, rack):
            best, most = node, free
    return best


@rule
def _grab(s, layer, node, gpus):
    change(s, layer, node, -gpus)
    s.node[0, node].taken += gpus


@part
def _pack(s, layer, kind, want, rack):
    """Fewest nodes: the tightest that holds the rest, else the widest whole; nodes used."""
    nodes = 0
    while want > 0:
        node = tightest(s, layer, kind, want, rack)
        if node == NONE:
            node = _widest(s, layer, kind, rack)
        gpus = min(want, s.node[layer, node].free)
        _grab(s, layer, node, gpus)
        want -= gpus
        nodes += 1
    return nodes


@part
def _undo(s, layer):
    for node in range(s.node.shape[1]):
        if s.node[0, node].taken > 0:
            change(s, layer, node, s.node[0, node].taken)
            s.node[0, node].taken = 0


@part
def _scatter(s, layer, kind, want):
    for node in range(s.node.shape[1]):
        gpus = min(want, s.node[layer, node].free)
        if gpus > 0 and s.node[0, node].kind == kind:
            _grab(s, layer, node, gpus)
            want -= gpus
            if want == 0:
                return


@part
def _scatter_exact(s, layer, kind, want):
    """Whether the running sum of min(free, want) meets the want exactly."""
    total = 0
    for node in range(s.node.shape[1]):
        gpus = min(want, s.node[layer, node].free)
        if gpus > 0 and s.node[0, node].kind == kind:
            _grab(s, layer, node, gpus)
            total += gpus
            if total >= want:
                break
    if total == want:
        return True
    _undo(s, layer)
    return False


@part
def _spread(s, layer, kind, want):
    for _ in range(want):
        _grab(s, layer, _widest(s, layer, kind, ANYWHERE), 1)


@part
def _randomly(s, layer, kind, want, i):
    """Nodes by their draws, lowest first; equal draws by number."""
    seed, number, launches = s.run[0].seed, s.run[0].draw_from + i, s.job[i].launches
    last_draw, last_node = -1, -1
    while want > 0:
        best, least = NONE, NEVER
        for node in range(s.node.shape[1]):
            usable = s.node[layer, node].free > 0 and s.node[0, node].taken == 0
            if usable and s.node[0, node].kind == kind:
                x = draw_node(seed, number, launches, node)
                later = x > last_draw or (x == last_draw and node > last_node)
                if later and (best == NONE or x < least):
                    best, least = node, x
        gpus = min(want, s.node[layer, best].free)
        _grab(s, layer, best, gpus)
        want -= gpus
        last_draw, last_node = least, best


@part
def _sum_racks(s, layer, kind):
    nodes = s.node.shape[1]
    for rack in range(nodes):
        s.node[0, rack].rack_free = 0
    for node in range(nodes):
        if s.node[0, node].kind == kind:
            s.node[0, s.node[0, node].rack].rack_free += s.node[layer, node].free


@part
def _by_rack(s, layer, kind, want):
    """Fewest racks, `packed` inside the last; a single node if one holds all."""
    if tightest(s, layer, kind, want, ANYWHERE) != NONE:
        _pack(s, layer, kind, want, ANYWHERE)
        return
    nodes = s.node.shape[1]
    _sum_racks(s, layer, kind)
    while want > 0:
        snug, wide = NONE, NONE
        for rack in range(nodes):
            free = s.node[0, rack].rack_free
            if free >= want and (snug == NONE or free < s.node[0, snug].rack_free):
                snug = rack
            if free > 0 and (wide == NONE or free > s.node[0, wide].rack_free):
                wide = rack
        rack = wide if snug == NONE else snug
        gpus = min(want, s.node[0, rack].rack_free)
        _pack(s, layer, kind, gpus, rack)
        s.node[0, rack].rack_free = 0
        want -= gpus


@rule
def must_consolidate(s, w, rules, i, t):
    """Whether `consolidated` binds the job at t."""
    job = s.job[i]
    if rules.sensitive_only and not w.cls[job.cls].sensitive:
        return False
    return rules.relax_after >= NEVER or waited(job, t) < rules.relax_after


@rule
def _first_fit(s, layer, kind, want):
    for node in range(s.node.shape[1]):
        if s.node[layer, node].free >= want and s.node[0, node].kind == kind:
            _grab(s, layer, node, want)
            return
    _scatter(s, layer, kind, want)


@part
def place_on(s, w, layer, i, kind, want, t):
    """Take `want` GPUs of one type for job i if the rule finds them; whether it did."""
    rules = w.rules[s.run[0].rules]
    if s.kind[layer, kind].free < want:
        return False
    placement = rules.placement
    if placement == PACKED or placement == CONSOLIDATED or placement == RACK:
        node = tightest(s, layer, kind, want, ANYWHERE)
        if node != NONE:
            change(s, layer, node, -want)
            settle_one(s, node, want)
            return True
        if placement == RACK:
            _by_rack(s, layer, kind, want)
        elif (placement == CONSOLIDATED
              and want <= s.kind[0, kind].largest and must_consolidate(s, w, rules, i, t)):
            return False
        else:
            nodes = _pack(s, layer, kind, want, ANYWHERE)
            if (placement == CONSOLIDATED and nodes > ceil_div(want, s.kind[0, kind].largest)
                    and must_consolidate(s, w, rules, i, t)):
                _undo(s, layer)
                return False
    elif placement == FIRST_FIT:
        _first_fit(s, layer, kind, want)
    elif placement == SCATTER:
        _scatter(s, layer, kind, want)
    elif placement == SPREAD:
        _spread(s, layer, kind, want)
    elif placement == RANDOM:
        _randomly(s, layer, kind, want, i)
    elif not _scatter_exact(s, layer, kind, want):
        return False
    settle(s)
    return True


@rule
def may_use(job, kind):
    """Whether the job accepts the type."""
    return job.only == NONE or job.only == kind


@part
def find(s, w, layer, i, want, t):
    """Take a place of `want` GPUs for job i; its type, or -1."""
    job = s.job[i]
    for k in range(s.kind.shape[1]):
        kind = w.place[job.cls, k].sequence
        if kind == NONE:
            return NONE
        if may_use(job, kind) and place_on(s, w, layer, i, kind, want, t):
            return kind
    return NONE
