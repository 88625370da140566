"""Plans that are made before the first task starts, from expected durations.

    from envs.dag.planning import plan
    print(plan("heft", graph, machine).makespan)
"""
from envs.dag.planning.planners import PLANNERS, Plan, plan, plan_order, ranks

__all__ = ["PLANNERS", "Plan", "plan", "plan_order", "ranks"]
