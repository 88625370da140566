"""Which variant each device hosts: decisions made in Python between two calls of the kernel.

`make_planner` gives the planner that option `allocation.policy` names. The simulator asks it for
the plan of time 0 (`start`), then at every window end whether it is `due` and, if so, for a `plan`.
"""
from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft
from envs.blis.planning.registry import PLANNERS, make_planner

__all__ = ["PLANNERS", "Draft", "Plan", "Planner", "View", "make_planner"]
