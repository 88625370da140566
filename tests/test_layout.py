"""The house keeps its plan: imports point down, files stay small, names say what is inside."""
from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
DOMAINS = ("blis", "cluster", "containers", "dag", "net2net")
# The published agent of net2net, in its published sizes, has 85,000 weights.
LARGE = {"envs/blis/scenarios/proteus_profile.csv", *(
    f"saved_models/net2net/{name}/policy.safetensors"
    for name in ("ppo_tables", "reinforce_model", "reinforce_gpus"))}
TOP = {"train.py", "test.py"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / p for p in listed.stdout.decode().split("\0") if p and (ROOT / p).is_file()]


def sources() -> list[Path]:
    return [p for p in tracked("*.py") if p.relative_to(ROOT).parts[0] != "tests"]


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def starts(modules: set[str], *names: str) -> set[str]:
    return {m for m in modules if any(m == n or m.startswith(n + ".") for n in names)}


def test_imports_point_down():
    for path in sources():
        room = path.relative_to(ROOT).as_posix()
        used = imports(path)
        if room.startswith("envs/"):
            assert not starts(used, "agents", "stable_baselines3", "sb3_contrib", "scripts"), room
            if not room.endswith("live.py") and not room.startswith("envs/net2net/"):
                assert not starts(used, "torch"), room
        if room.startswith("envs/core/"):
            assert not starts(used, *(f"envs.{d}" for d in DOMAINS)), room
        if room.startswith(("envs/", "agents/")) and room != "agents/entry.py":
            assert not starts(used, "hydra", "omegaconf"), room
        if not room.startswith(("tests/", "scripts/benchmark_")):
            assert not starts(used, "tests", "gym"), room


def test_domains_do_not_know_each_other():
    for domain in DOMAINS:
        others = [f"envs.{d}" for d in DOMAINS if d != domain]
        for path in (ROOT / "envs" / domain).rglob("*.py"):
            assert not starts(imports(path), *others), path


def test_files_are_small():
    lengths = {p: len(p.read_text().splitlines()) for p in sources()}
    assert statistics.median(lengths.values()) <= 150
    assert not {p.name: n for p, n in lengths.items() if n > 400}
    assert all(lengths[ROOT / name] <= 60 for name in TOP)


def test_names_of_files():
    for path in sources():
        assert path.stem not in {"utils", "helpers", "common", "misc"}, path
        taken = path.stem in sys.stdlib_module_names and path.name not in TOP
        assert not taken or path.stem.startswith("__"), path


def test_the_repository_stays_light():
    sizes = {p.relative_to(ROOT).as_posix(): p.stat().st_size for p in tracked()}
    assert sum(sizes.values()) < 9e6       # oracles, measured figures and policies of each domain
    assert not {p: n for p, n in sizes.items() if n > 200_000 and p not in LARGE}


def test_constraints_hold_no_address():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines and all("==" in line and "/" not in line for line in lines)


def test_importing_the_environments_is_light():
    code = "import envs, sys; print([m for m in ('numba', 'torch', 'polars') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.stdout.strip() == "[]", out.stderr


def test_record_fields_are_no_numpy_attributes():
    """Interpreted runs read fields as attributes, so these names would be shadowed."""
    from envs.blis import state as blis_state
    from envs.blis import work as blis_work
    from envs.cluster import metrics, state, work
    from envs.dag import graph as dag_graph
    from envs.dag import state as dag_state
    from envs.dag import work as dag_work
    from envs.net2net import state as net2net_state
    from envs.net2net import work as net2net_work

    modules = (blis_state, blis_work, state, work, metrics, dag_graph, dag_state, dag_work,
               net2net_state, net2net_work)
    kinds = [v for m in modules for v in vars(m).values()
             if isinstance(v, np.dtype) and v.names]
    assert kinds
    for kind in kinds:
        assert not set(kind.names) & set(dir(np.record)), kind


def test_the_private_compile_option_still_exists():
    from numba.core.options import DefaultOptions

    from envs.core import jit

    assert "_nrt" in jit.OPTIONS and hasattr(DefaultOptions, "_nrt")
