"""The shared answers of the serving domain, as they lie in `tests/oracles/blis`."""
import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "oracles" / "blis"


def oracle(name: str) -> dict[str, Any]:
    """The content of `NAME.json.gz`."""
    return json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
