"""The pictures and the screen of a run that is put together by hand; the drawing of a graph."""
from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from envs.core.drawing import draw_timeline
from envs.dag.drawing import memory_curves, screen, task_curves, timeline
from envs.dag.formats import graph_from
from envs.dag.graph import Graph
from envs.dag.layout import critical, graph_figure, layers, places
from envs.dag.replay import Trace
from envs.dag.scenario import load_scenario
from envs.dag.simulate import simulate
from envs.dag.units import NEVER
from tests.dag_runs import diamond, machine, run_of
from tests.test_dag_metrics import JOBS, STREAM, TASKS, TRANSFERS

MEMORY = [(0, 1, 3), (3, 1, 8), (6, 1, 4), (4, 2, 6)]


@pytest.fixture
def run():
    return run_of(TASKS, transfers=TRANSFERS, memory=MEMORY, graphs=[diamond()])


def spans(drawn) -> set[tuple]:
    return {(drawn.rows[r], b, e, drawn.kinds[k]) for r, b, e, k in zip(
        drawn.row, drawn.begin, drawn.end, drawn.kind, strict=True)}


def test_workers_run_and_stall_and_links_move(run):
    drawn = timeline(run)
    assert drawn.rows == ["gpu 0", "gpu 1", "cpu 2", "gpu 0 in", "gpu 0 out", "gpu 1 out"]
    assert spans(drawn) == {
        ("gpu 0", 2, 6, "x"), ("gpu 0", 0, 2, "waits for data"), ("cpu 2", 0, 3, "y"),
        ("cpu 2", 5, 10, "task"), ("gpu 0 in", 0, 2, "fetch"), ("gpu 0 out", 2, 4, "write-back"),
        ("gpu 1 out", 4, 5, "stage"), ("gpu 0 in", 5, 6, "fetch")}
    assert drawn.until == 10 and drawn.unit == "units"
    assert draw_timeline(drawn, 400, 300).shape == (300, 400, 3)


def test_markers_alone_and_names_like_formulas_are_drawn():
    for kinds, tasks in (({}, [{"id": "a", "virtual": True}]),
                         ({"$x^$": {"cpu": 1}}, [{"id": "$_$", "kind": "$x^$"}])):
        graph = graph_from({"unit": "1", "kinds": kinds, "tasks": tasks, "format": "dag-1"}, "")
        found = simulate(load_scenario("chol_readys"), Trace.of_graph(graph))
        assert draw_timeline(timeline(found), 400, 300).shape == (300, 400, 3)
        FigureCanvasAgg(graph_figure(graph)).draw()


def test_a_worker_stalls_from_the_end_of_the_task_before():
    tasks = [(0, 0, 0, 0, 0, 0, 5), (0, 1, 0, 0, 1, 7, 9)]
    drawn = timeline(run_of(tasks, graphs=[diamond()]))
    assert {s for s in spans(drawn) if s[3] == "waits for data"} == {
        ("gpu 0", 5, 7, "waits for data")}


def test_jobs_of_a_stream_have_colours_of_their_own():
    drawn = timeline(run_of(STREAM, jobs=JOBS, graphs=[diamond()] * 3))
    assert {s[3] for s in spans(drawn)} == {"0", "1", "2"} and drawn.note == "jobs by number"


def test_what_still_runs_is_drawn_to_the_end():
    tasks = [(0, 0, 0, 0, 0, 0, 4), (0, 1, 2, 0, 0, 1, NEVER), (0, 2, -1, NEVER, NEVER, NEVER,
                                                              NEVER)]
    run = run_of(tasks, jobs=[(0, NEVER)], graphs=[diamond()])
    assert spans(timeline(run)) == {("gpu 0", 0, 4, "x"), ("cpu 2", 1, 4, "y")}
    assert "1 of 2 assigned tasks finished" in screen(run)


def test_memory_is_a_share_of_the_capacity_or_megabytes(run):
    found = memory_curves(run, np.array([0, 2, 3, 5, 10]))
    assert found["memory in use (%)"]["gpu 0"].tolist() == [37.5, 37.5, 100, 100, 50]
    assert found["memory in use (MB)"]["gpu 1"].tolist() == [0, 0, 0, 6e-6, 6e-6]
    on = machine(capacity=(NEVER, NEVER, NEVER))
    loose = run_of(TASKS, memory=MEMORY, graphs=[diamond()], on=on)
    assert list(memory_curves(loose, np.array([3]))) == ["memory in use (MB)"]


def test_ready_and_running_tasks_are_means_between_edges(run):
    found = task_curves(run, np.array([0, 2, 4, 10]))["tasks"]
    assert found["running"].tolist() == pytest.approx([1, 1.5, 7 / 6])
    assert found["ready"].tolist() == pytest.approx([0, 0.5, 1 / 6])


def test_the_screen_tells_what_workers_did(run):
    lines = screen(run).splitlines()
    assert lines[0].startswith("10 units: 3 of 3 assigned tasks finished, 4 decisions")
    assert lines[3].split() == ["gpu", "0", "1", "40", "2"]
    assert lines[5].split() == ["cpu", "2", "2", "80", "0"]
    assert any(line.split()[:3] == ["gpu", "0", "in"] for line in lines)


def ladder(width: int, depth: int) -> Graph:
    """`width` chains of `depth` tasks, numbered layer by layer in turned order."""
    edges = [[d * width + i, (d + 1) * width + (i + 1) % width]
             for d in range(depth - 1) for i in range(width)]
    count = width * depth
    return Graph.from_columns("ladder", unit="1", ids=[str(i) for i in range(count)],
                              types=("cpu",), duration=np.ones((count, 1)), listed=edges)


def test_layers_are_hops_and_neighbours_are_apart():
    assert layers(diamond()).tolist() == [0, 1, 1, 2]
    graph = ladder(5, 4)
    assert layers(graph).tolist() == np.repeat(range(4), 5).tolist()
    at = places(graph)
    assert len({tuple(p) for p in at}) == 20
    assert (at[graph.src][:, 1] == at[graph.dst][:, 1]).all()       # straight lines: no crossing


def test_a_critical_path_is_the_longest_by_least_durations():
    graph = diamond()
    path = critical(graph)
    ends = [(graph.ids[graph.src[e]], graph.ids[graph.dst[e]]) for e in path]
    assert ends == [("a", "c"), ("c", "end")]
    single = Graph.from_columns("one", unit="1", ids=("a",), types=("cpu",), duration=[[1]])
    assert not len(critical(single))


def test_the_drawing_names_kinds_and_tasks():
    figure = graph_figure(diamond())
    ax, = figure.axes
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["critical path (least durations)", "x", "y", "task", "virtual"]
    assert {text.get_text() for text in ax.texts} == {"a", "b", "c", "end"}
    assert "4 tasks, 4 edges" in ax.get_title(loc="left")
