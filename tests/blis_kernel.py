"""Random instances for the project's own classes, and settings that repeat them exactly."""
from hypothesis import HealthCheck, settings

from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from tests.reference.blis.instances import Instance


def repeatable(examples: int) -> settings:
    """The same examples in every run, without a clock."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def built(instance: Instance) -> tuple[Scenario, Trace]:
    """Scenario and trace of an instance."""
    return Scenario.from_config(instance.config), Trace.from_rows(instance.rows)
