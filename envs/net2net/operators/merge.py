"""Narrower networks: copies of a unit become one again."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from envs.net2net.operators.draft import Draft, Edit, Example
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.region import Region
from envs.net2net.operators.remap import Remap
from envs.net2net.operators.resize import names_of, producer, resize, units_of


def merge(module: nn.Module, target: str, index_map: Sequence[int] | np.ndarray | Tensor,
          example: Example) -> Edit:
    """Make one unit of all units with the same entry of the index map; undoes `widen`.

    Exact while the copies compute the same. Raises `Refused`.
    """
    draft = Draft(module, example)
    node = producer(draft, target)
    copies, units = torch.as_tensor(index_map, dtype=torch.int64), units_of(draft, node)
    if len(copies) != units or len(copies.unique()) != int(copies.max()) + 1:
        raise Refused(f"the index map must name {units} units, each original at least once",
                      target, "give the one that the widening reported")
    region = Region(draft, node, Remap.merging(copies))
    resize(draft, region)
    return draft.finish(operator="merge", target=target, merged_together=names_of(region))
