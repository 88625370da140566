"""The planner of every value of option `allocation.policy`; a new one is one entry."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.blis.planning.base import Planner
from envs.blis.planning.clipper import ClipperHaPlanner, ClipperHtPlanner
from envs.blis.planning.demand import initial_demand
from envs.blis.planning.ilp import BlisIlpPlanner, MaxThroughputPlanner
from envs.blis.planning.infaas import InfaasPlanner
from envs.blis.planning.lfu import LfuPlanner
from envs.blis.planning.load_proportional import LoadProportionalPlanner
from envs.blis.planning.proteus import ProteusPlanner
from envs.blis.planning.random_plan import RandomPlanner
from envs.blis.planning.schedule import SchedulePlanner
from envs.blis.planning.sommelier import SommelierPlanner
from envs.blis.planning.static import NoPlanner, StaticPlanner

if TYPE_CHECKING:
    from envs.blis.replay import Trace
    from envs.blis.system import System

PLANNERS: dict[str, type[Planner]] = {
    "none": NoPlanner,
    "schedule": SchedulePlanner,
    "static": StaticPlanner,
    "random": RandomPlanner,
    "load_proportional": LoadProportionalPlanner,
    "lfu": LfuPlanner,
    "infaas": InfaasPlanner,
    "blis_ilp": BlisIlpPlanner,
    "max_throughput": MaxThroughputPlanner,
    "proteus": ProteusPlanner,
    "sommelier": SommelierPlanner,
    "clipper_ha": ClipperHaPlanner,
    "clipper_ht": ClipperHtPlanner,
}


def make_planner(system: System, trace: Trace | None, seed: int,
                 demand: np.ndarray | None = None) -> Planner:
    """The planner of a run; `demand` (K,) in req/s replaces option `initial_demand`."""
    policy = system.scenario.options.allocation.policy
    at_start = initial_demand(system, trace) if demand is None else demand
    return PLANNERS[policy](system, trace, seed, at_start)
