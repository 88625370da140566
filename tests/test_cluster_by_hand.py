"""Small cases whose result is worked out in the comments; R = 300 s, restart 30 s unless said."""
import pytest

from envs.cluster.metrics import metrics
from envs.cluster.state import REASONS
from tests.cluster_kernel import disagreements, instance, job, run_of

EVENT = {"mode": "event"}


def seconds(run, column="finish_us"):
    return [None if t < 0 else t / 1e6 for t in run.jobs[column].tolist()]


def story(run):
    """(job, start, end, reason) of every segment."""
    s = run.segments
    return [(int(r["job"]), r["start_us"] / 1e6, r["end_us"] / 1e6, REASONS[r["reason"]])
            for r in s]


def nodes(run, number):
    """Places of the first segment of a job."""
    segment = next(r for r in run.segments if r["job"] == number)
    first, count = int(segment["first"]), int(segment["count"])
    return [tuple(map(int, p)) for p in run.pieces[first:first + count].tolist()]


def played(*args, **options):
    """A run that the reference confirms."""
    given = instance(*args, **options)
    run = run_of(given)
    assert disagreements(given, run) == []
    return run


def test_first_come_first_served_in_event_mode():
    # Two GPUs. Job 1 wants both and waits for job 0; with `stop` job 2 waits behind it.
    jobs = [job(0, 100), job(10, 50, 2), job(20, 30)]
    assert seconds(played(jobs, [2], misfit="stop", **EVENT)) == [100, 150, 180]
    assert seconds(played(jobs, [2], misfit="skip", **EVENT)) == [100, 150, 50]


def test_easy_backfilling_keeps_the_promise():
    # The head (job 1, 2 GPUs) is promised t = 100. Job 2 (70 s) would end at 20 + 70 <= 100 and
    # starts; job 3 (90 s) would end at 125 and needs a GPU that the head will have: it waits.
    jobs = [job(0, 100), job(10, 50, 2), job(20, 70), job(35, 90)]
    run = played(jobs, [2], misfit="reserve", **EVENT)
    assert seconds(run) == [100, 150, 90, 240]
    # Plain backfilling starts job 3 when job 2 ends, and the head waits until 180.
    assert seconds(played(jobs, [2], misfit="skip", **EVENT)) == [100, 230, 90, 180]


def test_shortest_first_preempts_and_pays_for_the_restart():
    # Job 1 stops job 0 at 10 (90 s left); job 0 goes on at 30, productive from 60.
    run = played([job(0, 100), job(10, 20)], [1], order="srtf", preempt="strict", **EVENT)
    assert story(run) == [(0, 0, 10, "preempt"), (1, 10, 30, "finish"), (0, 30, 150, "finish")]
    assert run.jobs["preemptions"].tolist() == [1, 0]
    assert seconds(run, "overhead_us") == [30, 0]


def test_rounds_exact_and_boundary():
    # Both are seen at boundaries: arrival 10 -> start 300. Work 100 -> f = 400.
    run = played([job(10, 100), job(20, 100)], [1])
    assert seconds(run) == [400, 700] and seconds(run, "first_start_us") == [300, 600]
    run = played([job(10, 100), job(20, 100)], [1], completion="boundary")
    assert seconds(run) == [600, 900] and seconds(run, "wall_us") == [300, 300]


def test_waiting_clock_starts_a_round_after_the_stop():
    # Job 0 is stopped at 300 by the more important job 1, which ends at 700: GPU free from 900.
    # Its clock runs from 600, so wait(900) = 300 boosts it above job 2, which came at 850.
    # At 1200 job 2 has waited 300, is boosted too and more important.
    jobs = [job(0, 1000), job(250, 400, priority=2), job(850, 400, priority=1)]
    options = {"order": "priority", "preempt": "strict"}
    run = played(jobs, [1], boost_after_s=300, **options)
    assert story(run)[:3] == [(0, 0, 300, "preempt"), (1, 300, 700, "finish"),
                              (0, 900, 1200, "preempt")]
    # wait(900) = 300 < 301: job 2 goes first, and job 0 is boosted at 1200.
    run = played(jobs, [1], boost_after_s=301, **options)
    assert story(run)[2:4] == [(2, 900, 1200, "preempt"), (0, 1200, 1930, "finish")]


def test_a_failure_loses_what_was_not_saved():
    # Checkpoints every 40 productive seconds: at 100, 80 s are kept and 20 lost. The node is back
    # at 150; restart till 180, then 200 - 80 = 120 s.
    given = instance([job(0, 200)], [1], **EVENT)
    given["classes"] = [{"checkpoint_s": 40}]
    given["cluster"]["events"] = [{"time_s": 100, "node": 0, "event": "fail"},
                                  {"time_s": 150, "node": 0, "event": "up"}]
    run = run_of(given)
    assert disagreements(given, run) == []
    assert story(run) == [(0, 0, 100, "fail"), (0, 150, 300, "finish")]
    assert run.jobs["lost_us"].tolist() == [20e6] and run.jobs["evictions"].tolist() == [1]
    # Utilisation: held 250 of 250 up; the node was down from 100 to 150.
    assert metrics(run)["utilisation"] == 1.0


def test_safe_and_eager_eviction():
    # Job 2 needs both GPUs of node 1. From the last: job 0 (900 s, node 0) gives up its GPU in
    # vain, then job 1 does. Safe: job 0 keeps running. Eager: it is launched again, 30 s late.
    jobs = [job(0, 900), job(0, 500, 2), job(10, 50, 2)]
    options = {"order": "srtf", "preempt": "strict", "placement": "consolidated", **EVENT}
    run = played(jobs, [1, 2], evict="safe", **options)
    assert seconds(run) == [900, 580, 60] and run.jobs["preemptions"].tolist() == [0, 1, 0]
    run = played(jobs, [1, 2], evict="eager", **options)
    assert seconds(run) == [930, 580, 60] and run.jobs["preemptions"].tolist() == [1, 1, 0]
    assert story(run)[0] == (0, 0, 10, "migrate")


def test_vain_eviction():
    # With preempt=below job 1 (2 GPUs) may stop only job 2, which stands below it; node 0, held by
    # job 0, stays out of reach. Eager stops job 2 nevertheless, and it comes back at once.
    jobs = [job(0, 50), job(1, 10, 2), job(2, 10)]
    options = {"misfit": "skip", "preempt": "below", **EVENT}
    assert story(played(jobs, [1, 1], evict="safe", **options))[1] == (2, 2, 12, "finish")
    jobs.append(job(5, 1))
    eager = story(played(jobs, [1, 1], evict="eager", **options))
    assert eager[1:3] == [(2, 2, 5, "migrate"), (2, 5, 42, "finish")]


@pytest.mark.parametrize(("placement", "places"), [
    ("packed", [(0, 4), (1, 1)]),           # node 0 whole, then the best fit for the last GPU
    ("scatter", [(0, 4), (1, 1)]),
    ("first-fit", [(0, 4), (1, 1)]),        # no node has 5
    ("spread", [(0, 3), (2, 2)]),           # 0 2 0 2 0: the most free, the lower on ties
    ("scatter-exact", [(0, 4), (1, 1)]),    # min(4, 5) + min(1, 5) = 5
])
def test_places_of_five_gpus_on_nodes_of_4_1_4(placement, places):
    assert nodes(played([job(0, 10, 5)], [4, 1, 4], placement=placement, **EVENT), 0) == places


def test_scatter_exact_refuses_a_sum_that_overshoots():
    # min(2, 3) + min(2, 3) = 4 > 3.
    run = played([job(0, 10, 3)], [2, 2], placement="scatter-exact", **EVENT)
    assert seconds(run) == [None]


def test_consolidation_is_waived_in_time():
    # Jobs 0 and 1 leave 2 GPUs on node 0 and 1 on node 1. Job 2 wants 3 on one node: at 500 there
    # are some; with relax_after_s = 60 it takes what there is 60 s after its arrival at 10.
    jobs = [job(0, 500, 2), job(0, 500, 3), job(10, 20, 3)]
    options = {"placement": "consolidated", **EVENT}
    assert seconds(played(jobs, [4, 4], **options))[2] == 520
    run = played(jobs, [4, 4], relax_after_s=60, **options)
    assert seconds(run)[2] == 90 and nodes(run, 2) == [(0, 2), (1, 1)]


def test_locality_slows_down():
    # 4 GPUs over two racks: level 2, rate 0.25: 100 s of work take 400 s.
    given = instance([job(0, 100, 4)], [2, 2], **EVENT)
    given["cluster"]["nodes"][1]["rack"] = 1
    given["classes"] = [{"locality": [1, 0.5, 0.25]}]
    run = run_of(given)
    assert seconds(run) == [400] and run.segments["level"].tolist() == [2]
    given["cluster"]["nodes"][1]["rack"] = 0    # ceil(4/2) = 2 nodes: level 0
    assert seconds(run_of(given)) == [100]


def test_the_fastest_type_first():
    # Speeds 0.5 and 2: 100 s of work take 50 s on the second type.
    given = instance([job(0, 100)], [1, 1], **EVENT)
    given["cluster"]["types"] = ["slow", "fast"]
    given["cluster"]["nodes"][1]["type"] = 1
    given["classes"] = [{"speed": [0.5, 2.0]}]
    assert seconds(run_of(given)) == [50]
    given["options"]["type_order"] = "listed"
    assert seconds(run_of(given)) == [200]


def test_quota_holds_back_one_tenant_only():
    # Tenant 0 may have 1 GPU: its second job is admitted when the first is done.
    jobs = [job(0, 100, tenant=0), job(1, 10, tenant=0), job(2, 10, tenant=1)]
    run = played(jobs, [4], admission="quota", quota={"0": 1, "1": 1}, **EVENT)
    assert seconds(run) == [100, 110, 12] and seconds(run, "admitted_us") == [0, 100, 2]


def test_admission_by_load_overshoots_by_one_job():
    # theta 1 on 2 GPUs: wanted 0, 2 <= 2 admits two jobs of 2 GPUs; then 4 > 2 holds the third.
    jobs = [job(0, 10, 2), job(0, 10, 2), job(0, 10, 2)]
    run = played(jobs, [2], admission="load", theta=1, **EVENT)
    assert seconds(run, "admitted_us") == [0, 0, 10] and seconds(run) == [10, 20, 30]


def test_shares_alternate_between_two_jobs():
    # One GPU, X = 1/2 each. At 0 job 0 (number) runs: deficits -1/2 and 1/2. At 300 job 1: 0 and 0.
    # At 600 job 0 again (200 s left, restart 30). At 900 job 1 alone.
    run = played([job(0, 500), job(0, 500)], [1], share={"policy": "isolated"})
    assert story(run) == [(0, 0, 300, "preempt"), (1, 300, 600, "preempt"),
                          (0, 600, 830, "finish"), (1, 900, 1130, "finish")]


def test_optimus_gives_the_next_gpu_where_it_helps_most():
    # 4 GPUs, both take 1..4, s(g) = g. T = left/g: gain 1 -> 2 of 400 s is 200, of 100 s is 50;
    # then 2 -> 3 of 400 s is 66.7 > 50: 3 and 1.
    jobs = [job(0, 400, min_gpus=1, max_gpus=4), job(0, 100, min_gpus=1, max_gpus=4)]
    run = played(jobs, [4], elastic={"policy": "optimus"}, order="srtf", **EVENT)
    assert [sum(g for _, g in nodes(run, n)) for n in (0, 1)] == [3, 1]
    # Job 1 ends at 100; job 0 has 100 s left, restarts for 30 s on 4 GPUs and ends at 155.
    assert seconds(run) == [155, 100] and story(run)[0] == (0, 0, 100, "rescale")


def test_tiresias_lets_new_jobs_pass():
    # Limit 50 GPU-seconds: job 0 falls into queue 1 at 50 and job 1 (queue 0) takes its GPU.
    run = played([job(0, 100), job(10, 20)], [1], order="tiresias", preempt="strict",
                 queue_limits_gpu_s=[50], **EVENT)
    assert story(run) == [(0, 0, 50, "preempt"), (1, 50, 70, "finish"), (0, 70, 150, "finish")]


def test_a_run_that_stalls_says_why():
    given = instance([job(0, 10, 2)], [2], **EVENT)
    given["cluster"]["nodes"].append({"type": 0, "gpus": 1, "rack": 0})
    given["cluster"]["events"] = [{"time_s": 0, "node": 0, "event": "drain"}]
    run = run_of(given)
    assert seconds(run) == [None]
    assert run.stalled and "job 0" in run.stalled and "2 GPUs" in run.stalled


def test_a_queue_is_entered_at_the_boundary_that_sees_it():
    # Limit 1000 GPU-seconds: job 1 (2 GPUs from 300) reaches it at 800, seen at 900; job 0 (1 GPU
    # from 0) at 1000, seen at 1200. Both lose their nodes at 1500; at 1800 node 0 is back, and
    # job 1, longer in the queue, goes first: 3800 s left, restart 30. Job 0 follows at 5700.
    given = instance([job(0, 5000), job(250, 5000, 2)], [2, 1], order="tiresias",
                     queue_limits_gpu_s=[1000])
    given["cluster"]["events"] = [{"time_s": 1500, "node": 0, "event": "drain"},
                                  {"time_s": 1500, "node": 1, "event": "drain"},
                                  {"time_s": 1800, "node": 0, "event": "up"}]
    run = run_of(given)
    assert disagreements(given, run) == []
    assert story(run) == [(0, 0, 1500, "drain"), (1, 300, 1500, "drain"),
                          (1, 1800, 5630, "finish"), (0, 5700, 9230, "finish")]
