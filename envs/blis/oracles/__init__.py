"""The oracle files of the domain, run through its kernels, environments and planners.

tests/oracles/README.md gives the schema of each kind.
"""
from collections.abc import Mapping

from envs.blis.oracles.episodes import check_steps
from envs.blis.oracles.plans import check_planning
from envs.blis.oracles.programs import check_programs
from envs.blis.oracles.runs import check_analytic, check_cases
from envs.blis.oracles.traces import check_presets
from envs.core.oracles import Check

KINDS: Mapping[str, Check] = {
    "cases": check_cases, "steps": check_steps, "instances": check_programs,
    "checks": check_analytic, "placement": check_planning, "presets": check_presets,
}
