"""Places: lists of (node, GPUs), and what taking and giving them does to the free counts."""
from envs.cluster.rules.quantities import ceil_div
from envs.cluster.state import NONE
from envs.core.jit import part, rule


@rule
def change(s, layer, node, gpus):
    """Add GPUs to the free ones of a node."""
    s.node[layer, node].free += gpus
    s.kind[layer, s.node[0, node].kind].free += gpus


@part
def give(s, layer, piece):
    """Give a place back."""
    while piece != NONE:
        change(s, layer, s.piece[piece].node, s.piece[piece].gpus)
        piece = s.piece[piece].next


@part
def take(s, layer, piece):
    """Take a place that is free."""
    while piece != NONE:
        change(s, layer, s.piece[piece].node, -s.piece[piece].gpus)
        piece = s.piece[piece].next


@part
def is_free(s, layer, piece):
    """Whether every GPU of a place is free."""
    while piece != NONE:
        if s.node[layer, s.piece[piece].node].free < s.piece[piece].gpus:
            return False
        piece = s.piece[piece].next
    return True


@part
def forget(s, piece):
    """Return the records of a place to the store."""
    run = s.run[0]
    while piece != NONE:
        following = s.piece[piece].next
        s.piece[piece].next = run.spare_piece
        run.spare_piece = piece
        piece = following


@rule
def _append(s, node, gpus, last):
    run = s.run[0]
    piece = run.spare_piece
    run.spare_piece = s.piece[piece].next
    s.piece[piece].node = node
    s.piece[piece].gpus = gpus
    s.piece[piece].next = NONE
    if last == NONE:
        run.found = piece
    else:
        s.piece[last].next = piece
    run.found_nodes += 1
    return piece


@part
def settle_one(s, node, gpus):
    """The found place is one node."""
    s.run[0].found_nodes = 0
    _append(s, node, gpus, NONE)


@part
def settle(s):
    """The found place is what `taken` counts, by node; `taken` is zero again."""
    s.run[0].found_nodes = 0
    last = NONE
    for node in range(s.node.shape[1]):
        if s.node[0, node].taken > 0:
            last = _append(s, node, s.node[0, node].taken, last)
            s.node[0, node].taken = 0


@part
def level_of(s, piece, kind, gpus, nodes):
    """Locality level of a place."""
    rack = s.node[0, s.piece[piece].node].rack
    rest = s.piece[piece].next
    while rest != NONE:
        if s.node[0, s.piece[rest].node].rack != rack:
            return 2
        rest = s.piece[rest].next
    if nodes <= ceil_div(gpus, s.kind[0, kind].largest):
        return 0
    return 1
