"""Baselines: what decides for a job. `values.py` is what they know, `registry.py` their names."""
from envs.net2net.players.player import Player
from envs.net2net.players.registry import PLAYERS, make_player
from envs.net2net.players.values import Values, values_of

__all__ = ["PLAYERS", "Player", "Values", "make_player", "values_of"]
