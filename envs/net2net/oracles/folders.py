"""What an oracle file needs from another: looked for in its own folder, then in the project's."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.core.files import REPOSITORY
from envs.core.oracles import Content, OracleError, oracle_files, read_oracle

OWN = REPOSITORY / "tests" / "oracles" / "net2net"


def beside(content: Content, schema: str) -> Mapping[str, Any]:
    """The content of the first file of a schema; raises `OracleError` where there is none."""
    for folder in (content.folder, OWN):
        for path in oracle_files(folder):
            found = read_oracle(path)
            if isinstance(found, Mapping) and found.get("schema") == schema:
                return found
    raise OracleError(f"needs a file of schema {schema}", content.where, "put it beside it")
