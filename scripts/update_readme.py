"""Put measured figures into the README; `--help` explains."""
from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.domains import Domain, domain
from agents.evaluation.intervals import bootstrap, mean
from envs.core.arguments import command, key
from envs.core.errors import SuiteError
from envs.core.files import REPOSITORY, write_whole

README = REPOSITORY / "README.md"
MEASURED = REPOSITORY / "docs" / "results"
PICTURES = REPOSITORY / "docs" / "pictures"
BLOCK = re.compile(r"(<!-- (\w+): (\w+) -->\n).*?(<!-- end -->)", re.S)
SHARED = "_accuracy"        # a second comparison on the same windows: only its policies are taken
CASE = ("contender", "kind", "privileged", "point", "window", "seed")
COLOURS = 64
LOADS = "loads"             # a sweep of loads of a scenario: SCENARIO_loads, as SCENARIO_noise ...


@dataclass(frozen=True)
class Keys:
    """Copy results to docs/results/<env> and rewrite the README's tables from what lies there.

    `source` holds a folder per scenario as test.py wrote it, SCENARIO_loads for a sweep of loads,
    SCENARIO_noise for a suite of that name; speed.json of the benchmark lies in docs/results/<env>
    itself. A test fails while README and docs/results disagree.

      python test.py env=blis scenario=azure hydra.run.dir=outputs/readme/azure
      python scripts/update_readme.py env=blis source=outputs/readme
      python scripts/benchmark.py env=blis json=docs/results/blis/speed.json
      python scripts/update_readme.py env=blis
    """

    env: str = key("blis", "domain")
    source: Path | None = key(None, "folder of comparisons to take over")


def main(keys: Keys) -> None:
    """Take over what is given, rewrite the README."""
    domain(keys.env)
    if keys.source is not None:
        take_over(keys.source, MEASURED / keys.env)
    write_whole(README, rendered(README.read_text(encoding="utf-8")).encode())


def take_over(source: Path, place: Path) -> None:
    """results.csv of every comparison by its scenario, and the pictures of the domain's own."""
    found = sorted(source.glob("*/results.csv"))
    if not found:
        raise SuiteError("holds no */results.csv", str(source), "run test.py with "
                         "hydra.run.dir=SOURCE/SCENARIO first")
    place.mkdir(parents=True, exist_ok=True)
    d = domain(place.name)
    for path in found:
        swept = path.parent.name.endswith(tuple(f"_{name}" for name in sweeps(d)))
        kept = {*CASE, d.main.metric, d.second.metric, d.incomplete} if swept else None
        write_whole(place / f"{path.parent.name}.csv", shortened(path, kept).encode())
    for name, picture in pictures(d, source).items():
        write_whole(PICTURES / f"{place.name}_{name}.png", light(picture))


def shortened(path: Path, kept: set[str | None] | None) -> str:
    """The rows of a results.csv, numbers to twelve digits; of a sweep what its table needs."""
    rows = list(_rows(path))
    names = [name for name in rows[0] if kept is None or name in kept]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_short(row[name]) for name in names] for row in rows)
    return out.getvalue()


def light(picture: Path) -> bytes:
    """The picture in 64 colours: a third of its size, and the repository keeps every version."""
    from PIL import Image

    out = io.BytesIO()
    image = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _short(text: str) -> str:
    return f"{float(text):.12g}" if re.fullmatch(r"-?\d+\.\d{9,}(e-?\d+)?", text) else text


def pictures(d: Domain, source: Path) -> dict[str, Path]:
    """Of the domain's own scenario: its favourite, the timeline of the best one that is told
    nothing of the future, and its sweeps."""
    own, known = source / d.scenario_name, d.baselines()
    ranked = ordered(d, read(own / "results.csv")) if own.is_dir() else []
    lines = [own / f"timeline_{_stem(n)}.png" for n in ranked
             if n not in known or not known[n].privileged]
    found = {d.picture: own / f"{d.picture}.png",
             **{name: path for name in sweeps(d) for path in sorted(
                 (source / f"{d.scenario_name}_{name}").glob("sweep*.png"))[:1]},
             **dict(zip(["timeline"], filter(Path.is_file, lines), strict=False))}
    return {name: path for name, path in found.items() if path.is_file()}


def _stem(name: str) -> str:
    """The name of a contender as part of a file name."""
    return re.sub(r"\W+", "_", name).strip("_")


def rendered(text: str) -> str:
    """The README with the blocks `<!-- env: table -->`, `speed`, and those of sweeps made anew."""
    makers = {"table": comparison_table, "speed": speed_table}
    return BLOCK.sub(lambda m: m[1] + (
        makers[m[3]](domain(m[2])) if m[3] in makers else sweep_table(domain(m[2]), m[3])) + m[4],
        text)


def sweeps(d: Domain) -> list[str]:
    """What can follow the name of a scenario."""
    return [LOADS, *d.suites]


def comparison_table(d: Domain) -> str:
    """Mean of the main metric with its interval and another one, per scenario, best first."""
    tables = {path.stem: read(path) for path in files(d)}
    if not tables:
        return "Not measured yet.\n"
    heads = [f"{name}: {c.heading}" for name in tables for c in (d.main, d.second)]
    lines = [_line(["contender", *heads]), _line(["---"] * (1 + len(heads)))]
    for name in dict.fromkeys(n for table in tables.values() for n in ordered(d, table)):
        cells = [cell for table in tables.values() for cell in _cells(d, table.get(name))]
        lines.append(_line([_label(d, name), *cells]))
    return "\n".join(lines) + "\n"


def sweep_table(d: Domain, name: str) -> str:
    """The main metric of the domain's own scenario at every point, best over all points first."""
    path = MEASURED / d.name / f"{d.scenario_name}_{name}.csv"
    points = {label: read(path, label) for label in dict.fromkeys(
        row["point"] for row in _rows(path))}
    if not points:
        return "Not measured yet.\n"
    lines = [_line([d.main.heading, *points]), _line(["---"] * (1 + len(points)))]
    for name in ordered(d, read(path)):
        cells = [_cells(d, table.get(name))[0] for table in points.values()]
        lines.append(_line([_label(d, name), *cells]))
    return "\n".join(lines) + "\n"


def ordered(d: Domain, table: dict[str, dict[str, np.ndarray]]) -> list[str]:
    """Contenders of one scenario, best first; who leaves something undone stands last."""
    sign = -1 if d.main.larger_is_better else 1
    return sorted(table, key=lambda n: (_undone(d, table[n]),
                                        sign * _mean(table[n].get(d.main.metric), -sign)))


def _mean(values: np.ndarray | None, nothing: float = 1.0) -> float:
    """The mean of what is known; of nothing, infinity with this sign, so that it stands last."""
    known = values[np.isfinite(values)] if values is not None else np.empty(0)
    return float(known.mean()) if len(known) else -nothing * float("inf")


def _undone(d: Domain, values: dict[str, np.ndarray]) -> int:
    return int(values[d.incomplete].sum()) if d.incomplete in values else 0


def files(d: Domain) -> list[Path]:
    """The measured scenarios, the domain's own first."""
    apart = (SHARED, *(f"_{name}" for name in sweeps(d)))
    found = [p for p in (MEASURED / d.name).glob("*.csv") if not p.stem.endswith(apart)]
    return sorted(found, key=lambda p: (p.stem != d.scenario_name, p.stem == "azure", p.stem))


def read(path: Path, point: str | None = None) -> dict[str, dict[str, np.ndarray]]:
    """Contender -> metric -> (window, seed) values; policies of a second comparison join in.

    Of a sweep, the windows of one point, or of all of them.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for file in (path, path.with_name(f"{path.stem}{SHARED}.csv")):
        rows = [row for row in _rows(file) if point is None or row["point"] == point]
        for name in dict.fromkeys(row["contender"] for row in rows):
            mine = [r for r in rows if r["contender"] == name]
            if file == path or mine[0]["kind"] == "policy":
                found[name] = {k: _grid(mine, k) for k in mine[0] if _is_numeric(mine, k)}
    return found


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


def _is_numeric(rows: Sequence[dict[str, str]], column: str) -> bool:
    """Whether a column has numbers and gaps alone."""
    told = [row[column] for row in rows if row[column]]
    return bool(told) and all(re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) for text in told)


def _grid(rows: Sequence[dict[str, str]], column: str) -> np.ndarray:
    windows = len({(r["point"], r["window"]) for r in rows})
    return np.array([float(r[column] or "nan") for r in rows]).reshape(windows, -1)


def _cells(d: Domain, values: dict[str, np.ndarray] | None) -> list[str]:
    main, second = d.main, d.second
    if values is None:
        return ["", ""]
    digits, undone = main.digits, _undone(d, values)
    left = f" ({undone} {d.incomplete})" if undone else ""
    other = second.factor * _mean(values.get(second.metric))
    return [_interval(main.factor * values[main.metric], digits) + left if main.metric in values
            else "-", f"{other:.{second.digits}f}" if np.isfinite(other) else "-"]


def _interval(values: np.ndarray, digits: int) -> str:
    """Mean and limits over the windows in which the metric exists."""
    known = values[np.isfinite(values).all(axis=1)]
    if not len(known):
        return "-"
    found = bootstrap(known, mean)
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _label(d: Domain, name: str) -> str:
    known = d.baselines().get(name)
    if known is None:
        return f"**{name}** (learned)"
    return f"*{name}* (bound)" if known.privileged else name


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def speed_table(d: Domain) -> str:
    """Every figure of the benchmark."""
    path = MEASURED / d.name / "speed.json"
    if not path.is_file():
        return "Not measured yet.\n"
    figures = json.loads(path.read_text(encoding="utf-8"))
    lines = [_line(["figure", "value"]), _line(["---", "---:"])]
    lines += [_line([label.replace("/", ": ", 1), f"{value:,.4g}" if value < 1e4 else
                     f"{value:,.0f}"]) for label, value in figures.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(command(main, Keys))
