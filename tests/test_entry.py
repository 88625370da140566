"""Entry points: one line and status 2 for a mistake, a traceback for a defect."""
from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.entry import explain, free_options, guard, settings
from envs.core.errors import PolicyError, ScenarioError


@dataclass
class Inner:
    rate: float = 1.0


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    windows: int = 3
    options: dict = field(default_factory=dict)


def test_free_options_need_no_sign():
    assert free_options(["options.a.b=1", "options={a: 1}", "env=blis", "+options.c=2"]) == [
        "++options.a.b=1", "++options={a: 1}", "env=blis", "+options.c=2"]


def test_generator_calls_need_no_quotes():
    assert free_options(["trace=lu(n=8,table=k40_960)", "trace=choice(a,b)", "trace=a.csv"]) == [
        'trace="lu(n=8,table=k40_960)"', "trace=choice(a,b)", "trace=a.csv"]


def test_settings_become_the_dataclass():
    from omegaconf import OmegaConf

    found = settings(OmegaConf.create({"windows": 5, "options": {"a": {"b": 1}}}), Outer)
    assert found == Outer(windows=5, options={"a": {"b": 1}})


@pytest.mark.parametrize(("given", "line"), [
    ({"windws": 3}, 'windws: unknown key; did you mean "windows"?'),
    ({"inner": {"rat": 3}}, 'inner.rat: unknown key; did you mean "rate"?'),
    ({"windows": "many"}, "windows: Value 'many' of type 'str' could not be converted to Integer"),
])
def test_mistakes_in_a_configuration_name_the_key(given, line):
    from omegaconf import OmegaConf

    with pytest.raises(Exception) as found:
        settings(OmegaConf.create(given), Outer)
    assert explain(found.value, Outer) == line


def test_mistakes_end_with_one_line_and_status_2(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["test.py"])
    with pytest.raises(SystemExit) as ended, guard():
        raise ScenarioError("no such scenario", "x\ny", "say another")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "x y: no such scenario; say another\n"
    with pytest.raises(SystemExit) as ended, guard():
        Path("/nowhere/at/all").read_text()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "/nowhere/at/all: No such file or directory\n"


def test_debug_shows_the_traceback_and_defects_always_do(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["test.py"])
    with pytest.raises(ZeroDivisionError), guard():
        raise ZeroDivisionError
    monkeypatch.setattr(sys, "argv", ["test.py", "debug=true"])
    with pytest.raises(PolicyError), guard():
        raise PolicyError("no")


def test_an_interruption_is_no_mistake():
    with pytest.raises(SystemExit) as ended, guard():
        raise KeyboardInterrupt
    assert ended.value.code == 130
