"""The timeline and the screen of a run that is put together by hand."""
from __future__ import annotations

import numpy as np
import pytest

from envs.cluster.drawing import curves, screen, timeline
from envs.core.drawing import draw_timeline
from tests.cluster_runs import run_of
from tests.test_cluster_metrics import BY_HAND

HOUR = 3600


@pytest.fixture
def run():
    """Node 0 has rows 0 and 1, node 1 rows 2 to 5; job 2 still runs at 10 s."""
    found = run_of(BY_HAND)
    found.end_us, found.system.types = 10_000_000, ("a",)
    return found


def test_every_held_gpu_is_a_row_for_as_long_as_it_is_held(run):
    drawn = timeline(run)
    spans = {(int(r), round(b * HOUR, 6), round(e * HOUR, 6), int(k)) for r, b, e, k in zip(
        drawn.row, drawn.begin, drawn.end, drawn.kind, strict=True)}
    assert spans == {(0, 0, 10, 0), (1, 0, 10, 0), (2, 4, 8, 1), (3, 4, 8, 1), (4, 4, 8, 1),
                     (2, 8, 10, 2)}
    assert drawn.rows == ["node 0"] * 2 + ["node 1"] * 4
    assert drawn.until * HOUR == pytest.approx(10)
    assert draw_timeline(drawn, 400, 300).shape == (300, 400, 3)


def test_curves_are_means_between_edges(run):
    found = curves(run, np.array([0, 3, 4, 8, 10]) * 1_000_000)
    assert found["jobs"]["waiting"].tolist() == pytest.approx([1 / 3, 1, 1, 0])
    assert found["jobs"]["running"].tolist() == pytest.approx([1, 1, 2, 2])
    assert found["GPUs (%)"]["held"].tolist() == pytest.approx([100, 100 / 3, 500 / 6, 50])


def test_the_screen_counts_gpus_and_jobs(run):
    run.jobs["status"] = [4, 4, 3]
    lines = screen(run).splitlines()
    assert lines[0].endswith("0 waiting, 1 running, 2 finished")
    assert lines[3].split() == ["a", "6", "1", "5"]


def test_the_screen_lists_who_waits(run):
    run.jobs["status"][2] = 2
    assert "job 2" in screen(run) and "job 1" not in screen(run)


def test_a_run_before_its_first_segment_can_be_drawn(run):
    run.segments, run.pieces = run.segments[:0], run.pieces[:0]
    run.jobs["finish_us"] = -1
    assert len(timeline(run).row) == 0 and draw_timeline(timeline(run), 400, 300).any()
