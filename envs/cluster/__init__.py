"""Deep-learning jobs on a GPU cluster: who is admitted, who runs, where, and on how many GPUs.

Jobs that train neural networks arrive at a cluster of GPU nodes. Each asks for a gang of GPUs,
gets all of them at once or none, and pays for being stopped and started again; nodes fail, types
of GPU differ in speed, and jobs slow down when their GPUs lie apart. The simulator is cut into the
parts of Blox (Agarwal et al., EuroSys 2024): admission, order, placement, launch and preemption,
each chosen by one option. Orders are the field's classics up to Tiresias and Gittins (Gu et al.,
NSDI 2019); shares of heterogeneous GPUs follow Gavel (Narayanan et al., OSDI 2020) and Themis
(Mahajan et al., NSDI 2020), elastic jobs Optimus (Peng et al., EuroSys 2018), Pollux (Qiao et al.,
OSDI 2021) and Sia (Jayaram Subramanya et al., SOSP 2023).

    from envs.cluster.metrics import metrics
    from envs.cluster.scenario import load_scenario
    from envs.cluster.simulate import simulate
    from envs.cluster.workloads import open_workload

    scenario = load_scenario("philly-32", {"order": "srtf", "preempt": "strict"})
    window = open_workload(scenario.options.trace, scenario).part("test", count=1)[0]
    print(metrics(simulate(scenario, window.trace))["jct_mean"])
"""
