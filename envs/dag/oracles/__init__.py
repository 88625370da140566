"""The oracle files of the domain, run through its kernels, planners and importers.

tests/oracles/README.md gives the schema of each kind; agents/oracles/dag.py checks what needs
agents.
"""
from envs.core.oracles import Kinds
from envs.dag.oracles.draws import check_random
from envs.dag.oracles.episodes import check_observation, check_rewards, check_wait
from envs.dag.oracles.graphs import check_formats, check_generators
from envs.dag.oracles.inputs import check_inputs
from envs.dag.oracles.links import check_network
from envs.dag.oracles.schedules import check_static, check_stg, check_tiled
from envs.dag.oracles.situations import check_memory, check_streams, check_units

KINDS: Kinds = {
    "random.json": check_random,
    "formats.json": check_formats,
    "generators.json": check_generators,
    "units.json": check_units,
    "network.json": check_network,
    "memory.json": check_memory,
    "static.json": check_static,
    "tiled.json": check_tiled,
    "stg.json": check_stg,
    "wait.json": check_wait,
    "rewards.json": check_rewards,
    "observation.json": check_observation,
    "streams.json": check_streams,
    "bad_input.json": check_inputs,
}
