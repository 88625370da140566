"""Task graphs on CPUs and GPUs: which ready task runs where, or is it worth waiting?

A program is a graph of tasks that read and write tiles of data. Workers differ in speed by kind of
task, the memory of a GPU is small, links are slow and durations vary. Whenever a worker is idle
the scheduler starts a ready task there or waits for a better one. The clock is exact (integer
ticks), memory and transfers follow run-time systems such as StarPU (Augonnet et al., CCPE 2011)
and PaRSEC; static planners are those of the literature since HEFT (Topcuoglu et al., TPDS 2002),
unfolding graphs follow READYS (Grinsztajn et al., CLUSTER 2021).

    from envs.dag.metrics import metrics
    from envs.dag.scenario import load_scenario
    from envs.dag.simulate import simulate
    from envs.dag.workloads import open_workload

    scenario = load_scenario("tiled", {"policy": "mct_wait"})
    window = open_workload(None, scenario).part("test", count=1)[0]
    print(metrics(simulate(scenario, window.trace, seed=window.seed))["makespan"])
"""
