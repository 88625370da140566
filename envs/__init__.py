"""Gymnasium environments over fast trace-replay simulators; importing this registers them."""
from gymnasium import register

register("sched/Blis-v0", entry_point="envs.blis.env:Blis",
         vector_entry_point="envs.blis.env:BlisEnv")
register("sched/BlisAccuracy-v0", entry_point="envs.blis.env:BlisAccuracy",
         vector_entry_point="envs.blis.env:BlisAccuracyEnv")
register("sched/Cluster-v0", entry_point="envs.cluster.env:Cluster",
         vector_entry_point="envs.cluster.env:ClusterEnv")
register("sched/Dag-v0", entry_point="envs.dag.env:Dag", vector_entry_point="envs.dag.env:DagEnv")
register("sched/Net2Net-v0", entry_point="envs.net2net.env:Net2Net",
         vector_entry_point="envs.net2net.env:Net2NetEnv")
