"""What an agent does to the pending plan (section 10)."""
from envs.blis.state import NONE
from envs.core.jit import rule


@rule
def plan_family(work, device):
    """Family of the pending target, NONE without one."""
    if device.plan == NONE:
        return NONE
    return work.pair[device.kind * work.rules[0].variants + device.plan].family


@rule
def _set_count(s, work, k, level, t, count):
    """Bring the family to `count` devices of one type and level, as far as there are any."""
    first = work.kind[t].first
    have = 0
    for i in range(first, first + work.kind[t].count):
        if s.device[i].plan_level == level and plan_family(work, s.device[i]) == k:
            have += 1
    i = first + work.kind[t].count - 1
    while have > count:
        if s.device[i].plan_level == level and plan_family(work, s.device[i]) == k:
            s.device[i].plan = NONE
            have -= 1
        i -= 1
    variant = work.default[k, t]
    i = first
    while variant != NONE and have < count and i < first + work.kind[t].count:
        if s.device[i].plan == NONE:
            s.device[i].plan = variant
            s.device[i].plan_level = level
            have += 1
        i += 1


@rule
def set_counts(s, work, action):
    """The family `action[0]` gets `action[1:]` devices per (level, type), level by level."""
    kinds = len(work.kind)
    for level in range(work.rules[0].levels):
        for t in range(kinds):
            _set_count(s, work, action[0], level, t, action[1 + level * kinds + t])


@rule
def is_legal(work, device, variant):
    """Whether an agent may give the device this target."""
    if variant == NONE or variant == device.target:
        return True
    return work.pair[device.kind * work.rules[0].variants + variant].hostable != 0


@rule
def _choose(s, work, i, value):
    device = s.device[i]
    variant = value
    if value == work.rules[0].variants:
        variant = NONE
    if is_legal(work, device, variant):
        device.plan = variant
    else:
        s.run[0].illegal += 1


@rule
def set_variants(s, work, action):
    """A variant per device, or one change `1 + device * (V + 1) + variant` (0 keeps all)."""
    for i in range(len(s.device)):
        s.device[i].plan = s.device[i].target
        s.device[i].plan_level = work.rules[0].levels - 1
    if work.rules[0].swap == 0:
        for i in range(len(s.device)):
            _choose(s, work, i, action[i])
    elif action[0] > 0:
        values = work.rules[0].variants + 1
        _choose(s, work, (action[0] - 1) // values, (action[0] - 1) % values)


@rule
def write_mask(s, work, mask):
    """Legal choices: per device and variant (none last), for swaps after a leading 1."""
    variants = work.rules[0].variants
    swap = work.rules[0].swap
    at = 0
    if swap:
        mask[0] = 1
        at = 1
    for i in range(len(s.device)):
        device = s.device[i]
        for value in range(variants + 1):
            variant = value
            if value == variants:
                variant = NONE
            legal = is_legal(work, device, variant) and not (swap and variant == device.target)
            mask[at] = 1 if legal else 0
            at += 1
