"""Transfers that share links: max-min fair rates, and the events of flows (network `fair`)."""
import math

from envs.core.jit import part, rule
from envs.dag.rules.memory import note, waits_for_release
from envs.dag.rules.quantities import INTO, OUT, READS, tile_of
from envs.dag.state import FLOWING, LATENT, MOVED, NEVER, NONE, PENDING
from envs.dag.work import HOST

CLOSE = 1.0 + 1e-12             # shares this near to the least count as equal


@rule
def _capacity(w, n, way):
    """Bytes per tick through a port: `way` INTO or OUT of node n."""
    setup = w.setup[0]
    if n == HOST:
        return (setup.bus_down if way == INTO else setup.bus_up) / setup.per_unit
    return w.node[n].speed[way] / setup.per_unit


@rule
def _is_peer(flow):
    return flow.src != HOST and flow.dst != HOST


@rule
def _own_rate(w, flow):
    """The limit of a transfer by itself: that of the peer link."""
    if _is_peer(flow):
        return w.link[flow.src, flow.dst].speed / w.setup[0].per_unit
    return math.inf


@rule
def _share(s, n, way):
    """Capacity left of a port for each of its flows without a rate."""
    count = s.node[n].open[way]
    return s.node[n].room[way] / count if count > 0 else math.inf


@rule
def _least_share(s, w):
    best = math.inf
    for n in range(w.setup[0].nodes):
        best = min(best, _share(s, n, INTO), _share(s, n, OUT))
    for f in range(s.run[0].flows):
        if s.flow[f].phase == FLOWING and not s.flow[f].rated:
            best = min(best, _own_rate(w, s.flow[f]))
    return best


@rule
def _fix(s, flow, rate):
    flow.rate, flow.rated = rate, 1
    for way in range(2):
        n = flow.dst if way == INTO else flow.src
        s.node[n].open[way] -= 1
        s.node[n].room[way] -= rate


@rule
def _is_tight(s, w, flow, limit):
    """Whether a port of the flow has no more than `limit` for each of its flows."""
    return (_share(s, flow.src, OUT) <= limit or _share(s, flow.dst, INTO) <= limit
            or _own_rate(w, flow) <= limit)


@part
def share_out(s, w):
    """Give every open flow its max-min fair rate."""
    run, unrated = s.run[0], 0
    for n in range(w.setup[0].nodes):
        for way in range(2):
            s.node[n].open[way], s.node[n].room[way] = 0, _capacity(w, n, way)
    for f in range(run.flows):
        flow = s.flow[f]
        flow.rated = flow.phase != FLOWING
        if flow.phase == FLOWING:
            unrated += 1
            s.node[flow.src].open[OUT] += 1
            s.node[flow.dst].open[INTO] += 1
    while unrated > 0:
        share = _least_share(s, w)
        for f in range(run.flows):          # 2 marks the flows of this turn: shares stay as found
            if not s.flow[f].rated and (share == math.inf
                                        or _is_tight(s, w, s.flow[f], share * CLOSE)):
                s.flow[f].rated = 2
        for f in range(run.flows):
            if s.flow[f].rated == 2:
                _fix(s, s.flow[f], share)
                unrated -= 1


@rule
def _finish_flow(s, w, f):
    """A transfer has ended: its copy is valid if still wanted; the last flow takes its row."""
    run, flow = s.run[0], s.flow[f]
    target = s.copy[flow.tile, flow.dst]
    if target.present and target.number == flow.number:
        target.valid_at, target.number = run.now, 0
    note(s, w, MOVED, flow.tile, flow.start, run.now, flow.number, flow.length, flow.src, flow.dst,
         flow.kind)
    number = flow.number
    run.flows -= 1
    if f != run.flows:
        s.flow[f] = s.flow[run.flows]
    for g in range(run.flows):
        if s.flow[g].source == number:
            s.flow[g].source = 0


@rule
def _may_open(s, flow):
    if flow.phase != PENDING or flow.source != 0:
        return False
    return flow.stamp == 0 or not waits_for_release(s, flow.dst, flow.stamp)


@rule
def _end_flows(s, w):
    ended, f = False, 0
    while f < s.run[0].flows:
        if s.flow[f].phase == FLOWING and s.flow[f].next <= s.run[0].now:
            _finish_flow(s, w, f)
            ended = True
        else:
            f += 1
    return ended


@rule
def _open_flows(s, w):
    run, opened = s.run[0], False
    for f in range(run.flows):
        flow = s.flow[f]
        if _may_open(s, flow):
            lag = w.link[flow.src, flow.dst].lag
            flow.start, flow.next, flow.phase, opened = run.now, run.now + lag, LATENT, True
    return opened


@rule
def _join_flows(s):
    run, joined = s.run[0], False
    for f in range(run.flows):
        flow = s.flow[f]
        if flow.phase == LATENT and flow.next <= run.now:
            flow.phase, flow.rate, joined = FLOWING, 0.0, True
    return joined


@rule
def _rate_anew(s, w):
    """Bytes moved so far are taken off, then all rates and ends are computed again."""
    run = s.run[0]
    elapsed = run.now - run.rated_at
    for f in range(run.flows):
        flow = s.flow[f]
        if flow.phase == FLOWING and elapsed > 0 and flow.rate > 0.0:
            flow.left -= flow.rate * elapsed if flow.rate < math.inf else flow.left
    run.rated_at = run.now
    share_out(s, w)
    for f in range(run.flows):
        flow = s.flow[f]
        if flow.phase == FLOWING:
            flow.next = run.now + max(0, math.ceil(flow.left / flow.rate - 1e-6))


@rule
def next_flow_event(s):
    """The tick of the next opening, expiry or end of a flow; NEVER."""
    run, soonest = s.run[0], NEVER
    for f in range(run.flows):
        flow = s.flow[f]
        if flow.phase != PENDING:
            soonest = min(soonest, flow.next)
        elif _may_open(s, flow):
            soonest = run.now
    return soonest


@rule
def has_data(s, w, i, n):
    """Whether all that task i reads is valid on node n and its space is released."""
    info = w.task[s.task[i].info]
    for k in range(info.first_operand, info.first_operand + info.operands):
        if w.operand[k].mode & READS and s.copy[tile_of(s, w, i, k), n].valid_at > s.run[0].now:
            return False
    return s.task[i].stamp == 0 or not waits_for_release(s, n, s.task[i].stamp)


@rule
def _find_data(s, w):
    """Held tasks whose data has come learn it."""
    for p in range(w.setup[0].workers):
        i = s.worker[p].first
        while i != NONE:
            if s.task[i].data_ready == NEVER and has_data(s, w, i, w.worker[p].node):
                s.task[i].data_ready = s.run[0].now
            i = s.task[i].after


@part
def turn_flows(s, w):
    """All that flows do at this tick."""
    changed = True
    while changed:
        ended = _end_flows(s, w)
        opened = _open_flows(s, w)
        joined = _join_flows(s)
        if ended or joined:
            _rate_anew(s, w)
        changed = ended or opened or joined
    _find_data(s, w)
