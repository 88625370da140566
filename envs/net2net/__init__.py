"""Growing a network while it trains: deepen, widen or wait, under a time budget?

A training job starts with a small network and a budget of milliseconds. At a few decisions an
agent may deepen it, widen it or enlarge its kernels by edits that preserve its function (Net2Net:
Chen et al., ICLR 2016), after which every step costs more but more can be learnt. Three back-ends
share one environment: tabular (recorded trainings), parametric (a learning-curve model) and live
(really trains).

    from envs.net2net.metrics import metrics
    from envs.net2net.scenario import load_scenario
    from envs.net2net.simulate import simulate
    from envs.net2net.workloads import open_workload

    scenario = load_scenario("depth", {"policy": "never"})
    window = open_workload(None, scenario).part("test", count=1)[0]
    print(metrics(simulate(scenario, window.trace, seed=window.seed))["val_accuracy"])
"""
