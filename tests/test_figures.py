"""Pictures: every contender looks the same everywhere, timelines show what happened."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

from agents.domains import domain
from agents.evaluation.figures import OWN, shown, style, sweep
from agents.evaluation.figures_blis import REFERENCES, series, smooth
from agents.evaluation.report import standings_table
from envs.core.drawing import Timeline, ansi_table, draw_timeline, letters, palette, show, spans
from tests.small_comparison import NAMES, small, usual


def axes_of(figure):
    return [ax for ax in figure.axes if ax.get_visible()]


def test_every_baseline_has_a_look_of_its_own_and_keeps_it():
    d = domain("blis")
    table = sorted(d.baselines(), key=lambda n: n.endswith("_tuned"))
    looks = [style(name, d) for name in table]
    assert len({(s.colour, s.marker, str(s.line)) for s in looks}) == len(looks)
    for a, b in itertools.pairwise(looks):
        assert a.colour != b.colour and a.marker != b.marker and a.line != b.line
    assert style("a_policy_of_mine", d) == style("a_policy_of_mine", d)
    assert style("a_policy_of_mine", d).colour in OWN


def test_all_pictures_of_a_comparison_have_axes_with_units():
    found = usual().domain.figures(usual())
    stems = [stem for stem, _, _ in found]
    assert {"ranking", "trade_off", "latency_cdf", "over_time"} <= set(stems)
    assert sum(stem.startswith("timeline_") for stem in stems) == 2
    for stem, caption, figure in found:
        assert caption
        labels = " ".join(ax.get_xlabel() + ax.get_ylabel() for ax in axes_of(figure))
        assert any(unit in labels for unit in ("%", "(ms)", "(s)")), stem


def test_a_contender_has_one_colour_in_all_pictures():
    from matplotlib.colors import to_hex

    colours = {name: set() for name in NAMES}
    for stem, _, figure in usual().domain.figures(usual()):
        if stem in ("trade_off", "latency_cdf", "over_time"):
            for line in (line for ax in figure.axes for line in ax.get_lines()):
                name = line.get_label().removesuffix(" (bound)")
                if name in colours:
                    colours[name].add(to_hex(line.get_color()))
    drawn = {name: found for name, found in colours.items() if found}
    assert len(drawn) == len(NAMES)
    for name, found in drawn.items():
        assert found == {style(name, usual().domain).colour}


def test_the_picture_against_infaas_appears_with_infaas():
    assert "against_infaas" not in [s for s, _, _ in usual().domain.figures(usual())]
    found = small(["infaas", "random_wc"])
    assert "against_infaas" in [s for s, _, _ in found.domain.figures(found)]


def test_curves_show_own_policies_the_strongest_and_the_bound_first():
    names = shown(usual(), REFERENCES, 6)
    assert names[:2] == [usual().strongest, usual().bound]
    assert len(names) == len(set(names)) <= 6


def test_series_add_up_to_the_metrics():
    outcome = usual().outcomes[0]
    times, arrivals, met, failed, accuracy = series(outcome.digest)
    seconds = times[1] - times[0]
    assert arrivals.sum() * seconds == pytest.approx(outcome.metrics["arrivals"])
    assert met.sum() * seconds == pytest.approx(outcome.metrics["met"])
    assert failed.sum() * seconds == pytest.approx(
        outcome.metrics["late"] + outcome.metrics["dropped"])
    assert accuracy.sum() / met.sum() == pytest.approx(outcome.metrics["effective_accuracy_met"])


def test_smoothing_keeps_a_constant_and_its_length():
    assert smooth(np.full(3, 7.0)) == pytest.approx(np.full(3, 7.0))
    assert smooth(np.arange(20.0))[10] == pytest.approx(10.0) and len(smooth(np.arange(20.0))) == 20


def test_a_sweep_has_a_panel_per_metric_and_a_line_per_contender():
    points = {1.0: small(["nexus", "random_wc"]), 2.0: small(["nexus", "random_wc"], load=2.0)}
    columns = usual().domain.columns[:2]
    figure = sweep("load", points, ["nexus", "random_wc"], columns)
    assert len(axes_of(figure)) == 2
    assert [ax.get_ylabel() for ax in figure.axes] == [c.heading for c in columns]
    xs = figure.axes[0].containers[0].lines[0].get_xdata()
    assert list(xs) == [1.0, 2.0]


def test_the_table_marks_rivals_and_bounds():
    table = standings_table(usual())
    names = [row[0] for row in table.rows]
    assert "clairvoyant !" in names and f"{usual().strongest} +" in names
    assert {len(row) for row in table.rows} == {len(table.headings)}
    wide = standings_table(usual(), brief=False)
    assert len(wide.headings) > len(table.headings)


def timeline(**given) -> Timeline:
    cells = np.array([[0, 2], [0, 2], [1, -1]])
    row, begin, end, kind = spans(cells, np.arange(4.0))
    return Timeline("t", row, begin, end, kind, ["a/x", "a/y", "b/x"], ["cpu", "gpu"], **given)


def test_spans_join_equal_neighbours_in_time():
    row, begin, end, kind = spans(np.array([[0, 2], [0, 2], [1, -1]]), np.arange(4.0))
    assert [tuple(s) for s in zip(row, begin, end, kind, strict=True)] == [
        (0, 0, 2, 0), (0, 2, 3, 1), (1, 0, 2, 2), (1, 2, 3, -1)]


@pytest.mark.parametrize("steps", [0, 1])
def test_spans_of_little(steps):
    assert [len(part) for part in spans(np.zeros((steps, 2), int), np.arange(steps + 1.0))] == [
        2 * steps] * 4


def test_a_timeline_is_drawn_in_its_size_with_its_colours():
    drawn = draw_timeline(timeline(curves={"requests/s": {"met": np.ones(3)}},
                                   times=np.arange(3.0)), 500, 400)
    assert drawn.shape == (400, 500, 3) and drawn.dtype == np.uint8
    pixels = {tuple(p) for p in drawn.reshape(-1, 3)}
    for colour in palette(["a/x", "a/y", "b/x"]):
        wanted = np.round(255 * np.array(colour))
        assert any(np.abs(np.array(p, int) - wanted).max() <= 1 for p in pixels)


def test_shades_follow_the_given_order_and_groups_differ_in_grey_by_letters():
    light, dark, middle = palette(["a/x", "a/y", "a/z"], np.array([1.0, 9.0, 5.0]))
    assert sum(light) > sum(middle) > sum(dark)
    assert letters(["resnest", "resnet", "bert"]) == {"resnest": "r", "resnet": "re", "bert": "b"}


def test_an_empty_timeline_can_be_drawn():
    empty = np.zeros(0)
    drawn = draw_timeline(Timeline("t", empty, empty, empty, empty.astype(int), [], ["cpu"]), 300,
                          200)
    assert drawn.shape == (200, 300, 3)


def test_showing_without_a_screen_does_nothing(monkeypatch):
    import matplotlib
    from matplotlib import pyplot

    matplotlib.use("agg")
    monkeypatch.setattr(pyplot, "pause", lambda seconds: pytest.fail("there is no screen"))
    show(np.zeros((10, 20, 3), np.uint8))
    assert not pyplot.get_fignums()


def test_plain_tables_align():
    text = ansi_table("t", ["name", "n"], [["a", 1.5], ["long", None]])
    assert text.splitlines() == ["t", "name    n", "---------", "a     1.5", "long    -"]
