"""Where a job goes: a rule per `placement`.

A found place is taken from the layer of free counts at once; its pieces start at `run.found`.
"""
from envs.cluster.rules.pieces import change, settle, settle_one
from envs.cluster.rules.quantities import ceil_div, draw_node, waited
from envs.cluster.state import NEVER, NONE
from envs.cluster.work import PLACEMENT
from envs.core.jit import driver, rule

(PACKED, CONSOLIDATED, FIRST_FIT, SCATTER, SPREAD, RANDOM, RACK,
 SCATTER_EXACT) = range(len(PLACEMENT))
ANYWHERE = -1


@rule
def _counts(w, node, kind, rack):
    return w.node[node].kind == kind and (rack == ANYWHERE or w.node[node].rack == rack)


@driver
def tightest(s, w, layer, kind, want, rack):
    """The node with the smallest free count that holds all, else -1."""
    best, least = NONE, 0
    for node in range(s.free.shape[1]):
        free = s.free[layer, node]
        if free >= want and (best == NONE or free < least) and _counts(w, node, kind, rack):
            best, least = node, free
    return best


@rule
def _widest(s, w, layer, kind, rack):
    best, most = NONE, 0
    for node in range(s.free.shape[1]):
        free = s.free[layer, node]
        if free > most and _counts(w, node, kind, rack):
            best, most = node, free
    return best


@rule
def _grab(s, w, layer, node, gpus):
    change(s, w, layer, node, -gpus)
    s.taken[node] += gpus


@driver
def _pack(s, w, layer, kind, want, rack):
    """Fewest nodes: the tightest that holds the rest, else the widest whole; nodes used."""
    nodes = 0
    while want > 0:
        node = tightest(s, w, layer, kind, want, rack)
        if node == NONE:
            node = _widest(s, w, layer, kind, rack)
        gpus = min(want, s.free[layer, node])
        _grab(s, w, layer, node, gpus)
        want -= gpus
        nodes += 1
    return nodes


@driver
def _undo(s, w, layer):
    for node in range(s.free.shape[1]):
        if s.taken[node] > 0:
            change(s, w, layer, node, s.taken[node])
            s.taken[node] = 0


@driver
def _scatter(s, w, layer, kind, want):
    for node in range(s.free.shape[1]):
        gpus = min(want, s.free[layer, node])
        if gpus > 0 and w.node[node].kind == kind:
            _grab(s, w, layer, node, gpus)
            want -= gpus
            if want == 0:
                return


@driver
def _scatter_exact(s, w, layer, kind, want):
    """Whether the running sum of min(free, want) meets the want exactly."""
    total = 0
    for node in range(s.free.shape[1]):
        gpus = min(want, s.free[layer, node])
        if gpus > 0 and w.node[node].kind == kind:
            _grab(s, w, layer, node, gpus)
            total += gpus
            if total >= want:
                break
    if total == want:
        return True
    _undo(s, w, layer)
    return False


@driver
def _spread(s, w, layer, kind, want):
    for _ in range(want):
        _grab(s, w, layer, _widest(s, w, layer, kind, ANYWHERE), 1)


@driver
def _randomly(s, w, layer, kind, want, i):
    """Nodes by their draws, lowest first; equal draws by number."""
    seed, number, launches = s.run[0].seed, s.run[0].base + i, s.job[i].launches
    last_draw, last_node = -1, -1
    while want > 0:
        best, least = NONE, NEVER
        for node in range(s.free.shape[1]):
            if s.free[layer, node] > 0 and w.node[node].kind == kind and s.taken[node] == 0:
                x = draw_node(seed, number, launches, node)
                later = x > last_draw or (x == last_draw and node > last_node)
                if later and (best == NONE or x < least):
                    best, least = node, x
        gpus = min(want, s.free[layer, best])
        _grab(s, w, layer, best, gpus)
        want -= gpus
        last_draw, last_node = least, best


@driver
def _sum_racks(s, w, layer, kind):
    nodes = s.free.shape[1]
    for place in range(nodes, len(s.taken)):
        s.taken[place] = 0
    for node in range(nodes):
        if w.node[node].kind == kind:
            s.taken[nodes + w.node[node].rack] += s.free[layer, node]


@driver
def _by_rack(s, w, layer, kind, want):
    """Fewest racks, `packed` inside the last; a single node if one holds all."""
    if tightest(s, w, layer, kind, want, ANYWHERE) != NONE:
        _pack(s, w, layer, kind, want, ANYWHERE)
        return
    nodes = s.free.shape[1]
    _sum_racks(s, w, layer, kind)
    while want > 0:
        snug, wide = NONE, NONE
        for place in range(nodes, len(s.taken)):
            free = s.taken[place]
            if free >= want and (snug == NONE or free < s.taken[snug]):
                snug = place
            if free > 0 and (wide == NONE or free > s.taken[wide]):
                wide = place
        place = wide if snug == NONE else snug
        gpus = min(want, s.taken[place])
        _pack(s, w, layer, kind, gpus, place - nodes)
        s.taken[place] = 0
        want -= gpus


@rule
def must_consolidate(s, w, rules, i, t):
    """Whether `consolidated` binds the job at t."""
    job = s.job[i]
    if rules.sensitive_only and not w.cls[job.cls].sensitive:
        return False
    return rules.relax_after >= NEVER or waited(job, t) < rules.relax_after


@rule
def _first_fit(s, w, layer, kind, want):
    for node in range(s.free.shape[1]):
        if s.free[layer, node] >= want and w.node[node].kind == kind:
            _grab(s, w, layer, node, want)
            return
    _scatter(s, w, layer, kind, want)


@driver
def place_on(s, w, layer, i, kind, want, t):
    """Take `want` GPUs of one type for job i if the rule finds them; whether it did."""
    rules = w.rules[s.run[0].rules]
    if s.total[layer, kind] < want:
        return False
    placement = rules.placement
    if placement == PACKED or placement == CONSOLIDATED or placement == RACK:
        node = tightest(s, w, layer, kind, want, ANYWHERE)
        if node != NONE:
            change(s, w, layer, node, -want)
            settle_one(s, node, want)
            return True
        if placement == RACK:
            _by_rack(s, w, layer, kind, want)
        elif (placement == CONSOLIDATED
              and want <= w.largest[kind] and must_consolidate(s, w, rules, i, t)):
            return False
        else:
            nodes = _pack(s, w, layer, kind, want, ANYWHERE)
            if (placement == CONSOLIDATED and nodes > ceil_div(want, w.largest[kind])
                    and must_consolidate(s, w, rules, i, t)):
                _undo(s, w, layer)
                return False
    elif placement == FIRST_FIT:
        _first_fit(s, w, layer, kind, want)
    elif placement == SCATTER:
        _scatter(s, w, layer, kind, want)
    elif placement == SPREAD:
        _spread(s, w, layer, kind, want)
    elif placement == RANDOM:
        _randomly(s, w, layer, kind, want, i)
    elif not _scatter_exact(s, w, layer, kind, want):
        return False
    settle(s)
    return True


@rule
def may_use(job, kind):
    """Whether the job accepts the type."""
    return job.only == NONE or job.only == kind


@driver
def find(s, w, layer, i, want, t):
    """Take a place of `want` GPUs for job i; its type, or -1."""
    job = s.job[i]
    for k in range(w.kind.shape[1]):
        kind = w.kind[job.cls, k].sequence
        if kind == NONE:
            return NONE
        if may_use(job, kind) and place_on(s, w, layer, i, kind, want, t):
            return kind
    return NONE
