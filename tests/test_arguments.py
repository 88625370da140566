"""The key=value command line of the scripts."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from envs.core.arguments import command, explain, key, parse
from envs.core.errors import SuiteError


@dataclass(frozen=True)
class Keys:
    """Make a thing.

    Example: python make.py out=thing.csv
    """

    out: Path = key(meaning="where to write")
    seed: int = key(0, "random seed")
    scale: float | None = key(None, "factor")
    loads: list[float] = key([1.0], "loads to try")
    rename: dict[str, str] = key({}, "new names")
    dry: bool = key(False, "write nothing")
    name: str = key("a", "name")


def test_types():
    keys = parse(["out=x/y.csv", "seed=-3", "scale=1e3", "loads=[0.5, 1,2]", "rename=a:b, c:d",
                  "dry=true", "name=a=b"], Keys)
    assert keys == Keys(out=Path("x/y.csv"), seed=-3, scale=1000.0, loads=[0.5, 1.0, 2.0],
                        rename={"a": "b", "c": "d"}, dry=True, name="a=b")
    assert parse(["out=x", "loads=2", "rename={a: b}", "scale=null"], Keys) == Keys(
        out=Path("x"), loads=[2.0], rename={"a": "b"})


def test_an_instance_gives_the_defaults():
    assert parse(["seed=4"], Keys(out=Path("x"), name="z")) == Keys(
        out=Path("x"), name="z", seed=4)


@pytest.mark.parametrize(("argv", "message"), [
    (["out=x", "sed=1"], 'sed=1: unknown key; did you mean "seed"?'),
    (["out=x", "seed"], "seed: is no key=value"),
    (["out=x", "seed=1", "seed=2"], "seed=2: the key is given twice"),
    (["out=x", "seed=1.5"], 'seed=1.5: "1.5" is not an integer'),
    (["out=x", "loads=[1,b]"], '"b" is not a number'),
    (["out=x", "dry=yes"], '"yes" is no truth value; write true or false'),
    (["out=x", "rename=[a]"], "is no mapping; write a:b,c:d"),
    (["seed=1"], "out=...: is needed; where to write"),
])
def test_mistakes_are_named(argv, message):
    with pytest.raises(SuiteError) as caught:
        parse(argv, Keys)
    assert message in str(caught.value)


def test_help_teaches_every_key():
    text = explain(Keys)
    assert "python make.py out=thing.csv" in text and "(needed)" in text
    for name in Keys.__dataclass_fields__:
        assert f"  {name}=" in text


def test_command_ends_with_a_status(capsys):
    seen = []

    def main(keys):
        seen.append(keys.seed)
        if keys.seed == 2:
            raise SuiteError("went wrong", "here", "do better")
        return 1 if keys.seed else None

    assert command(main, Keys, ["out=x"]) == 0
    assert command(main, Keys, ["out=x", "seed=1"]) == 1
    assert command(main, Keys, ["out=x", "seed=2"]) == 2
    assert capsys.readouterr().err == "error: here: went wrong; do better\n"
    assert command(main, Keys, ["--help"]) == 0 and "Make a thing." in capsys.readouterr().out
    assert seen == [0, 1, 2]
    with pytest.raises(SuiteError):
        command(main, Keys, ["out=x", "seed=2", "debug=true"])
