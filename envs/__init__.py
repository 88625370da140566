"""Gymnasium environments over fast trace-replay simulators; importing this registers them."""
from gymnasium import register

for _name, _class in (("Blis", "BlisEnv"), ("BlisAccuracy", "BlisAccuracyEnv")):
    register(
        f"sched/{_name}-v0",
        entry_point="envs.core.single:single",
        vector_entry_point=f"envs.blis.env:{_class}",
        kwargs={},
    )
