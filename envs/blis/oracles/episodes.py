"""Episodes of the environments, step by step, with the actions of a file."""
from __future__ import annotations
