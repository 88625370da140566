"""Run a folder of oracle files through the kernels of a domain; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from envs.core.arguments import command, key
from envs.core.errors import nearest
from envs.core.files import REPOSITORY, path_of
from envs.core.oracles import Kinds, OracleError, check_folder


@dataclass(frozen=True)
class Keys:
    """Compare what comes out with what must, for every oracle file below a folder.

    Prints each disagreement with its instance and field, and the tally last. Exit status: 0 when
    all agree, 1 on any disagreement, 2 when the files cannot be used.

      python scripts/check_oracles.py env=blis
      python scripts/check_oracles.py env=blis path=my_oracles
    """

    env: str = key("blis", "which domain")
    path: Path | None = key(None, "folder with .json or .json.gz files, default: the project's own")


def kinds_of(env: str) -> Kinds:
    """The checks of a domain, those of its agents among them."""
    kinds = import_module(f"envs.{env}.oracles").KINDS
    above = f"agents.oracles.{env}"
    return {**kinds, **import_module(above).KINDS} if find_spec(above) else kinds


def main(keys: Keys) -> int:
    """Check one folder."""
    domains = sorted({p.parent.name for p in (REPOSITORY / "envs").glob("*/oracles*")} - {"core"})
    if keys.env not in domains:
        raise OracleError("unknown domain", f"env={keys.env}", nearest(keys.env, domains))
    own = REPOSITORY / "tests" / "oracles" / keys.env
    agreed = check_folder(own if keys.path is None else path_of(keys.path), kinds_of(keys.env),
                          print)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(command(main, Keys))
