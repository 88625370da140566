"""Every key of `train.py` with its default: plain dataclasses, so that a mistyped key fails."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from envs.core.errors import PolicyError, nearest

EPISODES = {"episodes": True, "minibatches": 1, "group": 1, "gamma": 1.0, "decay": False}
PRESETS: dict[str, dict[str, Any]] = {
    "mended": {**EPISODES, "num_envs": 64, "baseline": "cell", "normalise": True, "entropy": 0.02,
               "learning_rate": 1e-3, "clip_norm": 1.0},
    "published": {**EPISODES, "num_envs": 1, "baseline": "none", "normalise": False,
                  "entropy": 0.0, "learning_rate": 1e-4, "clip_norm": math.inf},
}


@dataclass
class AgentConfig:
    """What all learners have."""

    name: str = "agent"
    network: str = "auto"               # auto, set: weights fit every size; mlp: fixed size;
    #                                     env=net2net: layers (auto), blind, mlp
    hidden: int | None = None           # width of the network; null = its own default
    num_envs: int = 64                  # replicas of the batch
    learning_rate: float = 1e-3
    decay: bool = True                  # let the learning rate fall to a twentieth over the run
    gamma: float = 0.99                 # discount per step

    @property
    def learner(self) -> str:
        """Its name among the learners."""
        return self.name


@dataclass
class ReinforceConfig(AgentConfig):
    """REINFORCE on whole episodes."""

    name: str = "reinforce"
    group: int = 8                      # replicas that share a window and its random numbers
    # window, clock: others of the group at the same step or time; auto: as the environment needs
    baseline: str = "auto"              # auto, window, clock, value, moving, none
    # short episodes with one outcome: the gradient is that of the mean of the episodes, the entropy
    # falls to 0, `baseline` may be cell (a running mean for each), window, none
    episodes: bool = False
    normalise: bool = True              # divide advantages by their deviation
    entropy: float = 0.003              # weight of the entropy bonus
    value_weight: float = 0.5           # weight of the critic's loss (baseline=value)
    clip_norm: float = 0.5              # limit of the gradient's norm
    minibatches: int = 4                # gradient steps of an update; each sample is used once
    max_steps: int = 2000               # an episode is cut after so many steps
    # env=dag: for so many steps copy a policy (mct_wait, prio ...), or with `lookahead` learn what
    # a roll-out from every action says (needs env.reward=regret)
    imitate: str | None = None
    imitate_steps: int = 20_000
    imitate_epochs: int = 2             # passes over a batch when looking ahead
    imitate_margin: float = 0.002       # gain over ref from which an unusual action is worth it
    # env=net2net: mended (a running mean per cell), published (as its authors learn, with
    # env.reward=tan); it wins over the keys above
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.preset is None:
            return
        if self.preset not in PRESETS:
            raise PolicyError(f'unknown preset "{self.preset}"', "agent.preset",
                              nearest(self.preset, PRESETS))
        for key, value in PRESETS[self.preset].items():
            setattr(self, key, value)

    @property
    def learner(self) -> str:
        """Of whole episodes where that is asked for."""
        return "reinforce_episodes" if self.episodes else self.name


@dataclass
class OnPolicyConfig(AgentConfig):
    """Stable-Baselines3's names for what its on-policy learners share."""

    n_steps: int = 64
    gae_lambda: float = 0.95
    ent_coef: float = 0.003
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    scale_reward: bool = True           # divide rewards by the deviation of the return


@dataclass
class PpoConfig(OnPolicyConfig):
    """Proximal policy optimisation (Stable-Baselines3)."""

    name: str = "ppo"
    batch_size: int = 1024
    n_epochs: int = 4
    clip_range: float = 0.2
    target_kl: float | None = None


@dataclass
class MaskablePpoConfig(PpoConfig):
    """The same with illegal actions masked in training (sb3-contrib)."""

    name: str = "maskable_ppo"


@dataclass
class A2cConfig(OnPolicyConfig):
    """Advantage actor-critic (Stable-Baselines3)."""

    name: str = "a2c"
    n_steps: int = 16
    gae_lambda: float = 1.0
    use_rms_prop: bool = False
    normalize_advantage: bool = True


@dataclass
class DqnConfig(AgentConfig):
    """Deep Q-learning (Stable-Baselines3); Discrete actions only."""

    name: str = "dqn"
    buffer_size: int = 50_000
    learning_starts: int = 2_000
    batch_size: int = 256
    tau: float = 1.0
    train_freq: int = 1                 # batch steps between updates
    gradient_steps: int = 1
    target_update_interval: int = 5_000
    exploration_fraction: float = 0.3
    exploration_initial_eps: float = 1.0
    exploration_final_eps: float = 0.05
    max_grad_norm: float = 10.0
    scale_reward: bool = True


AGENTS: dict[str, type[AgentConfig]] = {
    "ppo": PpoConfig, "a2c": A2cConfig, "dqn": DqnConfig, "maskable_ppo": MaskablePpoConfig,
    "reinforce": ReinforceConfig,
}


@dataclass
class TrainConfig:
    """`python train.py key=value ...`."""

    env: Any = None                     # group: name, scenario, trace, episode_length, steps,
    #                                     options, and the keys of the scenario's block `env`
    agent: Any = None                   # group: one of the dataclasses above
    scenario: str | None = None         # name or path
    trace: str | None = None            # name or path
    options: dict[str, Any] = field(default_factory=dict)   # further scenario options
    seed: int = 0
    steps: int | None = None            # environment steps of all replicas; null = env.steps
    minutes: float | None = None        # stop after so long even if steps are left
    device: str = "auto"                # auto, cpu, cuda
    threads: int = 1                    # of torch; more is slower for small networks
    env_threads: int | None = None      # of the simulator; null = cores
    validations: int = 20               # validation rounds over the run
    windows: int | None = None          # validation windows; null = as the domain needs
    checkpoint_s: float = 60.0          # seconds between checkpoints
    save: str | None = None             # also store it as saved_models/<env>/<save>
    replace: bool = False               # allow `save` to replace a stored policy
    library: str | None = None          # env=dag: also a version of saved_models/dag/<library>
    resume: bool = False                # go on with the last run of this env, agent and seed
    table: bool = True                  # print the held-out table at the end
    all_baselines: bool = False         # in the table: not only the few that cost little
    pictures: bool = True               # write timelines to TensorBoard
    debug: bool = False                 # show tracebacks
