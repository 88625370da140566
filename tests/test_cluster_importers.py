"""Importers: small files written by hand in the real schemas, and the real files where they lie."""
from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from envs.cluster.cluster import Cluster
from envs.cluster.generator.measure import gpu_shares, measure
from envs.cluster.importers import FORMATS, ImportOptions, import_trace, recognise
from envs.cluster.scenario import Scenario
from envs.cluster.system import bind
from envs.core.errors import SuiteError, TraceError

DATA = Path(os.environ.get("SCHED_DATA", "nowhere")) / "cluster"
real = pytest.mark.skipif(not DATA.is_dir(), reason="SCHED_DATA does not name the downloaded data")


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def _attempt(start, end, *gpus):
    detail = [{"ip": f"m{i}", "gpus": [f"gpu{k}" for k in range(n)]} for i, n in enumerate(gpus)]
    return {"start_time": start, "end_time": end, "detail": detail}


def _philly_job(number, submitted, attempts, status="Pass", vc="ee9e8c"):
    return {"status": status, "vc": vc, "jobid": f"application_{number}", "attempts": attempts,
            "submitted_time": submitted, "user": "ce2f4c"}


def test_the_philly_log(tmp_path):
    day = "2017-10-07 "
    log = [
        _philly_job(1, day + "01:12:00", [
            _attempt(day + "01:12:09", day + "01:13:23", 8),
            _attempt(day + "01:13:30", "2017-10-08 01:13:30", 8, 4)]),
        _philly_job(2, day + "01:11:39", [_attempt(day + "01:12:00", day + "01:13:00", 1)],
                    "Killed", "6214e9"),
        _philly_job(3, day + "02:00:00", []),
        _philly_job(4, day + "02:00:00", [_attempt(day + "02:01:00", None, 1)], "Failed"),
        _philly_job(5, None, [_attempt(day + "02:01:00", day + "02:02:00", 1)]),
        _philly_job(6, day + "02:00:00", [_attempt(day + "02:01:00", day + "02:03:00")]),
        _philly_job(7, day + "03:00:00", [
            _attempt(None, day + "03:05:00", 2), _attempt(day + "03:05:00", day + "03:06:00", 2)]),
    ]
    found = import_trace(_write(tmp_path, "cluster_job_log", json.dumps(log)))
    trace = found.trace
    assert trace.labels["name"].tolist() == ["application_2", "application_1", "application_7"]
    assert trace.arrival_s.tolist() == [0, 21, 6501] and trace.gpus.tolist() == [1, 12, 2]
    assert trace.duration_s.tolist() == [60, 74 + 86400, 60]
    assert trace.labels["status"].tolist() == ["Killed", "Pass", "Pass"]
    assert trace.tenant.tolist() == [1, 0, 0]
    assert found.notes == (
        "3 of 7 jobs", "1 dropped: no attempts", "1 dropped: no GPUs",
        "1 dropped: no time of arrival", "1 dropped: not started or not ended",
        "tenants: 0 ee9e8c (2), 1 6214e9 (1)")
    assert recognise(tmp_path) == "philly-log"      # the folder too


@pytest.mark.parametrize(("text", "message"), [
    ("[{", "not JSON"), ("{}", "is no list of jobs"), ('[{"jobid": "a"}]', "entry 1: no field"),
    ("[]", "holds no job"), ("[3]", "entry 1: is no job"),
    (json.dumps([_philly_job(1, "yesterday", [])]), 'entry 1: "yesterday" is no time'),
])
def test_bad_philly_logs(tmp_path, text, message):
    with pytest.raises(TraceError, match=message):
        import_trace(_write(tmp_path, "cluster_job_log", text))


PHILLY = """timestamp,duration,num_gpus,gpu_time,cluster
2017-10-09 07:01:55,66.0,1,66.0,11cb48
2017-10-09 06:13:03,2951.0,8,23608.0,6214e9

2017-09-29 07:58:32,860662.0,1,860662.0,6214e9
2017-09-29 07:58:33,0.0,1,0.0,6214e9
"""


def test_the_philly_table(tmp_path):
    path = _write(tmp_path, "philly.csv.gz", PHILLY)
    found = import_trace(path)
    trace = found.trace
    assert trace.arrival_s.tolist() == [0, 857671, 860603]
    assert trace.duration_s.tolist() == [860662, 2951, 66] and trace.gpus.tolist() == [1, 8, 1]
    assert trace.tenant.tolist() == [0, 0, 1]
    assert found.notes[:2] == ("3 of 4 jobs", "1 dropped: ran for no time")
    assert trace.where(0) == f"{path}, line 5" and trace.source == str(path)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("66.0,1,66.0", "soon,1,66.0", 'line 2, column duration: "soon" is not a number'),
    ("2017-10-09 06", "09.10.2017 06", "line 3, column timestamp"),
    (",8,23608.0", ",1.5,23608.0", "line 3: 1.5 GPUs are no whole number"),
    (",11cb48", "", "line 2: 4 fields instead of 5"),
])
def test_a_bad_cell_is_named(tmp_path, old, new, message):
    with pytest.raises(TraceError, match=message):
        import_trace(_write(tmp_path, "p.csv", PHILLY.replace(old, new)), "philly")


HELIOS = """\
job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue
11,uXBbc,vcJkd,1,1,1,COMPLETED,2020-06-09 18:41:01,2020-06-09 18:41:01,2020-06-10 04:55:09,36848,0
12,uVMrF,vchbv,4,16,1,FAILED,2020-06-09 18:41:27,2020-06-09 18:41:37,2020-06-09 18:45:46,249,10
13,uzqls,vchbv,0,1,1,CANCELLED,2020-06-09 18:41:28,2020-06-09 18:41:28,2020-06-17 14:15:21,675233,0
14,uzqls,vchbv,8,1,1,CANCELLED,2020-06-09 18:41:28,,,0,0
"""


def test_helios(tmp_path):
    _write(tmp_path, "cluster_log.csv", HELIOS)
    _write(tmp_path, "cluster_gpu_number.csv",
           "date,vchbv,vcJkd,total\n2020-06-01,16,8,24\n2020-06-02,32,12,44\n2020-06-03,8,8,16\n")
    found = import_trace(tmp_path)
    trace = found.trace
    assert trace.arrival_s.tolist() == [0, 26] and trace.duration_s.tolist() == [36848, 249]
    assert trace.gpus.tolist() == [1, 4] and trace.tenant.tolist() == [0, 1]
    assert trace.labels["user"].tolist() == ["uXBbc", "uVMrF"]
    assert "1 dropped: no GPUs" in found.notes
    assert "1 dropped: not started or not ended" in found.notes
    assert "GPUs of virtual clusters on 2020-06-02: vchbv 32, vcJkd 12" in found.notes
    assert Cluster.from_config(found.cluster).nodes == ((_node(8),) * 6)


def _node(gpus):
    return Cluster.from_config({"nodes": [{"gpus": gpus}], "types": ["gpu"]}).nodes[0]


def _scenario(cluster):
    return Scenario.from_config({"cluster": cluster}, "test")


def test_pai(tmp_path):
    _write(tmp_path, "pai_job_table.csv", """\
j1,i1,u1,Terminated,1000.0,1600.0
j2,i2,u2,Failed,900.0,910.0
j3,i3,u1,Running,950.0,
j4,i4,u1,Terminated,950.0,980.0
j5,i5,u3,Terminated,960.0,990.0
""")
    _write(tmp_path, "pai_task_table.csv", """\
j1,worker,3,Terminated,1000.0,1600.0,600.0,29.3,50.0,MISC
j1,ps,2,Terminated,1000.0,1600.0,600.0,29.3,,
j1,evaluator,1,Terminated,1000.0,1600.0,600.0,29.3,100.0,MISC
j2,tensorflow,2,Failed,900.0,910.0,600.0,29.3,800.0,V100
j3,worker,1,Running,950.0,,600.0,29.3,100.0,T4
j4,worker,9,Terminated,950.0,980.0,600.0,29.3,,
""")
    found = import_trace(tmp_path)
    assert found.trace.arrival_s.tolist() == [0, 100]
    assert found.trace.gpus.tolist() == [16, 3]         # 2 * 8; 3 * 0.5 + 1 rounded up
    assert found.trace.duration_s.tolist() == [10, 600]
    assert found.notes == (
        "2 of 5 jobs", "no time of submission is published: jobs arrive when they started",
        "1 asked for a share of a GPU and have whole ones", "2 dropped: no GPUs",
        "1 dropped: not started or not ended")
    with pytest.raises(TraceError, match=r"no file \*task_table"):
        (tmp_path / "pai_task_table.csv").unlink()
        import_trace(tmp_path)


def test_openb(tmp_path):
    path = _write(tmp_path, "openb_pod_list_default.csv", """\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
openb-pod-0017,88000,327680,8,1000,,Burstable,Succeeded,9437497,10769854,9437497
openb-pod-0022,4000,15258,1,220,,BE,Running,9679175,9973826,9679175
openb-pod-0035,16000,32768,1,1000,V100M16|V100M32,LS,Running,9967058,9968575,9967063
openb-pod-0048,8000,30517,0,0,,BE,Running,9992086,10013821,9992086
openb-pod-0061,11908,47104,1,1000,,BE,Pending,10001278,10001403,
""")
    found = import_trace(path)
    assert found.trace.gpus.tolist() == [8, 1, 1] and found.cluster == {}
    assert found.trace.duration_s.tolist() == [1332357, 294651, 1512]
    assert found.trace.gpu_type_names().tolist() == [None, None, "V100M16"]
    assert "1 asked for a share of a GPU and have whole ones" in found.notes
    assert "1 dropped: not started or not ended" in found.notes
    _write(tmp_path, "openb_node_list_all_node.csv", "sn,cpu_milli,memory_mib,gpu,model\n")
    _write(tmp_path, "openb_node_list_gpu_node.csv", """\
sn,cpu_milli,memory_mib,gpu,model
openb-node-0228,128000,786432,8,G3
openb-node-0229,96000,786432,8,V100M16
openb-node-0230,96000,786432,8,V100M16
openb-node-0227,32000,262144,0,
""")
    with_nodes = import_trace(path)
    system = bind(_scenario(with_nodes.cluster), with_nodes.trace)
    assert system.types == ("G3", "V100M16") and system.node_gpus.tolist() == [8, 8, 8]
    assert system.gpu_type.tolist() == [-1, -1, 1]


RATES = {
    "k80": {"('LM (batch size 5)', 1)": {"null": 25.0}, "('LM (batch size 5)', 2)": {"null": 0.0}},
    "v100": {"('LM (batch size 5)', 1)": {"null": 100.0, "('A3C', 1)": [3.0, 4.0]},
             "('LM (batch size 5)', 2)": {"null": 200.0}, "('A3C', 1)": {"null": 5.0}},
    "p100": {"('LM (batch size 5)', 1)": {"null": 90.0}, "('LM (batch size 5)', 2)": {"null": 80.},
             "('A3C', 1)": {"null": 4.0}},
    "v100_unconsolidated": {"('LM (batch size 5)', 2)": {"null": 50.0},
                            "('LM (batch size 5)', 1)": {"null": 100.0}},
}
LM, A3C = "LM (batch size 5)", "A3C"
TEN = (f"{LM}\tpython3 main.py --data=%s/x\tlm\t--steps\t1\t50000\t2\t1\t-1.000000\t7\n"
       f"{A3C}\tpython3 a3c.py\trl\t--max-steps\t0\t500\t1\t5\t1.500000\t12.5\n"
       f"{A3C}\tpython3 a3c.py\trl\t--max-steps\t0\t500\t4\t1\t-1.000000\t13\n")
SEVEN = f"{LM}\tpython3 main.py\t--steps\t1\t50000\t30.0\t1\n{A3C}\tx\t-n\t1\t10\t20.0\t1\n"


def test_gavel(tmp_path):
    _write(tmp_path, "simulation_throughputs.json", json.dumps(RATES))
    found = import_trace(_write(tmp_path, "ten.trace", TEN))
    trace = found.trace
    assert trace.arrival_s.tolist() == [0, 5.5] and trace.gpus.tolist() == [2, 1]
    assert trace.duration_s.tolist() == [250, 100]
    assert trace.class_names().tolist() == [f"{LM} x2", "A3C x1"]
    assert trace.priority.tolist() == [1, 5]
    assert trace.deadline_s.tolist() == [np.inf, 5.5 + 1.5 * 100]
    assert found.notes == ("2 of 3 jobs",
                           "1 dropped: no throughput on v100 for job type and GPUs")
    assert found.cluster == {"types": ["v100", "p100", "k80"], "classes": [
        {"name": "A3C x1", "speed": [1.0, 0.8, 0.0]},
        {"name": f"{LM} x2", "speed": [1.0, 0.4, 0.0], "locality": [1.0, 0.25, 0.25]}]}
    system = bind(_scenario(found.cluster | {"nodes": [{"type": "v100", "gpus": 4}]}), trace)
    assert system.speed[system.cls].tolist() == [[1.0, 0.4, 0.0], [1.0, 0.8, 0.0]]


def test_older_gavel_traces_and_another_reference(tmp_path):
    rates = _write(tmp_path, "rates.json.gz", json.dumps(RATES))
    path = _write(tmp_path, "seven.trace", SEVEN)
    trace = import_trace(path, options=ImportOptions(throughputs=rates)).trace
    assert trace.duration_s.tolist() == [2, 500] and trace.arrival_s.tolist() == [0, 10]
    slow = import_trace(path, options=ImportOptions(throughputs=rates, reference="k80"))
    assert slow.trace.duration_s.tolist() == [2000] and slow.cluster["types"][0] == "k80"
    assert slow.cluster["classes"] == [{"name": f"{LM} x1", "speed": [1.0, 4.0, 3.6]}]
    for options, message in ((ImportOptions(), "no table of throughputs beside"),
                             (ImportOptions(rates, "v200"), 'did you mean "v100"'),
                             (ImportOptions(path), "is no table of throughputs")):
        with pytest.raises(TraceError, match=message):
            import_trace(path, options=options)
    with pytest.raises(TraceError, match="line 1: 8 fields between tabs"):
        import_trace(_write(tmp_path, "x.trace", "a\t" * 7 + "b\n"))


def test_tiresias_and_blox(tmp_path):
    tiresias = import_trace(_write(tmp_path, "t.csv", """\
job_id,num_gpu,submit_time,iterations,model_name,duration,interval
0,1,10,606,vgg19,164,30
1,8,40,133,vgg11,147,23
""")).trace
    assert tiresias.class_names().tolist() == ["vgg19", "vgg11"]
    assert tiresias.arrival_s.tolist() == [0, 30] and tiresias.duration_s.tolist() == [164, 147]
    blox = import_trace(_write(tmp_path, "b.csv", """\
job_id,arrival,gpus,total_iterations,iteration_time
7,5,2,1000,0.25
8,5.5,1,3,2
""")).trace
    assert blox.duration_s.tolist() == [250, 6] and blox.gpus.tolist() == [2, 1]
    assert blox.labels["name"].tolist() == ["7", "8"] and blox.arrival_s.tolist() == [0, 0.5]


SIA = """name,time,application,num_replicas,batch_size
cifar10-0,60,cifar10,4,512
bert-1,90,bert,2,24
"""
GOODPUT = {"params": {"alpha_c": 0.1, "beta_c": 0.01, "alpha_r": 0.01, "beta_r": 0.001,
                      "alpha_n": 0.1, "beta_n": 0.01, "gamma": 2.0},
           "batch0": 10, "batch_max": 1000, "atomic_min": 10, "atomic_max": 10, "grad_sqr": 1.0,
           "grad_var": 0.0}


def test_sia(tmp_path):
    path = _write(tmp_path, "workload-1.csv", SIA)
    models = _write(tmp_path, "models.yaml", yaml.safe_dump(
        {"bert": {"duration_s": 7200}, "cifar10": {"samples": 10_000, "goodput": GOODPUT}}))
    found = import_trace(path, options=ImportOptions(models=models))
    trace = found.trace
    assert trace.duration_s.tolist()[1] == 7200
    assert trace.duration_s[0] == pytest.approx(10_000 / (10 / 0.2))    # one step of 10 in 0.2 s
    assert trace.gpus.tolist() == [4, 2]
    assert trace.min_gpus.tolist() == [1, 2] and trace.max_gpus.tolist() == [64, 2]
    nodes = {"types": ["gpu"], "nodes": [{"gpus": 8, "count": 8}]}
    assert bind(_scenario(nodes | found.cluster), trace).has_goodput.tolist() == [False, True]
    with pytest.raises(TraceError, match=r"give models=FILE for bert, cifar10"):
        import_trace(path)
    one = {"duration_s": 1}
    for entry, message in (({"cifar10": one}, 'no model for the application "bert"'),
                           ({"bert": one, "cifar10": {"samples": 3}}, "cifar10: needs a duration"),
                           ({"bert": {"duration_s": 0}, "cifar10": one}, "duration_s: 0 is no")):
        _write(tmp_path, "models.yaml", yaml.safe_dump(entry))
        with pytest.raises(SuiteError, match=message):
            import_trace(path, options=ImportOptions(models=models))


SACCT = """\
JobID|Submit|Start|End|State|AllocTRES|ReqTRES|User|Account
123|@10:00:00|@10:00:30|@11:00:30|COMPLETED|cpu=8,gres/gpu:a100=2,gres/gpu=2|gres/gpu=2|ann|vision
123.batch|@10:00:00|@10:00:30|@11:00:30|COMPLETED|cpu=8,gres/gpu=2,mem=64G|||
124_7|@10:05:00|@10:06:00|@10:07:00|CANCELLED by 1000||cpu=8,gres/gpu=16,node=2|bob|nlp
125|@10:06:00|Unknown|Unknown|PENDING||gres/gpu=1|bob|nlp
126|@10:06:00|@10:06:00|@10:07:00|FAILED|cpu=8,mem=64G,node=1|cpu=8|bob|nlp
""".replace("@", "2024-03-01T")


def test_slurm(tmp_path):
    found = import_trace(_write(tmp_path, "sacct.txt", SACCT))
    trace = found.trace
    assert trace.labels["name"].tolist() == ["123", "124_7"] and trace.gpus.tolist() == [2, 16]
    assert trace.arrival_s.tolist() == [0, 300] and trace.duration_s.tolist() == [3600, 60]
    assert trace.labels["status"].tolist() == ["COMPLETED", "CANCELLED"]
    assert found.notes == (
        "2 of 5 jobs", "1 dropped: steps of jobs", "1 dropped: no GPUs",
        "1 dropped: not started or not ended", "tenants: 0 nlp (1), 1 vision (1)")
    bare = "\n".join("|".join(line.split("|")[:5]) for line in SACCT.splitlines())
    with pytest.raises(TraceError, match="no column AllocTRES or ReqTRES"):
        import_trace(_write(tmp_path, "bare.txt", bare))


def test_formats_are_told_apart_or_named(tmp_path):
    own = _write(tmp_path, "jobs.csv", "arrival_s,gpus,duration_s\n3,1,1\n")
    assert recognise(own) == "own" and import_trace(own).notes == ("1 jobs",)
    assert import_trace(own).trace.arrival_s.tolist() == [3]        # its clock is kept
    with pytest.raises(TraceError, match='unknown format "phily"; did you mean "philly"'):
        import_trace(own, "phily")
    with pytest.raises(TraceError, match='no column "timestamp"; found: arrival_s'):
        import_trace(own, "philly")
    with pytest.raises(TraceError, match="no such file or folder"):
        import_trace(tmp_path / "none")
    with pytest.raises(TraceError, match="holds no trace of a known format"):
        import_trace(tmp_path)
    assert len(FORMATS) == 10


def test_a_source_without_a_usable_job_is_refused(tmp_path):
    text = PHILLY.split("\n")[0] + "\n2017-10-09 07:01:55,66.0,0,66.0,11cb48\n"
    with pytest.raises(TraceError, match="none of 1 jobs can be used; 1 dropped: no GPUs"):
        import_trace(_write(tmp_path, "p.csv", text))


@real
def test_the_real_philly_table():
    trace = import_trace(DATA / "philly.csv.gz").trace
    found = measure(trace)
    assert len(trace) == 82_247 and found["span_days"] == pytest.approx(108.9, abs=0.01)
    expected = {"duration_p10": 61, "duration_p50": 1144, "duration_p90": 11_265,
                "duration_p99": 254_758, "duration_mean": 13_136, "gap_mean": 114, "gap_p50": 8,
                "gap_p75": 44, "gap_p90": 361, "offered_gpus": 374}
    assert {key: round(found[key]) for key in expected} == expected
    assert 11 <= found["hourly_p50"] <= 15 and 145 < found["hourly_p95"] < 200
    assert found["hourly_variance_over_mean"] == pytest.approx(160, rel=0.03)
    time = {gpus: share[1] for gpus, share in gpu_shares(trace).items()}
    for gpus, share in {1: .18, 2: .03, 4: .17, 8: .48, 16: .12}.items():
        assert time[gpus] == pytest.approx(share, abs=0.006)
    jobs = np.bincount(trace.tenant) / len(trace)
    assert jobs[:4] == pytest.approx([.50, .20, .12, .09], abs=0.006) and len(jobs) == 15


@real
def test_the_real_gavel_traces():
    small = import_trace(DATA / "gavel_max_min_fairness.trace")
    assert len(small.trace) == 96 and small.notes == ("96 of 96 jobs",)
    assert small.cluster["types"] == ["v100", "p100", "k80"]
    first = small.trace.class_names()[0]
    assert first == "ResNet-18 (batch size 128) x4"
    assert small.trace.duration_s[0] == pytest.approx(925982 / 69.95051765177759)
    older = import_trace(DATA / "gavel_msr_2869ce.trace")
    assert len(older.trace) == 354 and older.notes[1].startswith("179 dropped: no throughput")
    names = [c["name"] for c in older.cluster["classes"]]
    assert set(older.trace.classes) == set(names) and len(names) == len(set(names))


@real
def test_the_real_tiresias_trace():
    trace = import_trace(DATA / "tiresias_60_job.csv").trace
    assert len(trace) == 60 and trace.arrival_s[:3].tolist() == [0, 30, 53]
    assert trace.gpus[:3].tolist() == [1, 8, 2] and trace.duration_s[:3].tolist() == [164, 147, 127]
