"""Who gets how much of which GPU type: decided in Python between two calls of the kernel.

`make_share` gives the planner of option `share` (Gavel's linear programs), `make_elastic` that of
`elastic` (Sia's integer program). Both are asked with a `View` of the run.
"""
from envs.cluster.planning.elastic import make_elastic
from envs.cluster.planning.shares import make_share
from envs.cluster.planning.view import View

__all__ = ["View", "make_elastic", "make_share"]
