"""The error of an edit that cannot be made."""
from __future__ import annotations

from envs.core.errors import SuiteError


class Refused(SuiteError):
    """An edit that would not preserve the function; says why, and at which node."""


class Unbalanced(Refused):
    """Copies that change the statistics of a GroupNorm or LayerNorm."""
