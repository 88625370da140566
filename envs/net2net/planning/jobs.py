"""Several growing jobs on equal GPUs: who they are, and what every plan of GPUs brings each.

    jobs = Jobs.from_config({"gpus": 2, "slots": 3, "slot_ms": 500.0, "gpu_options": [0, 1, 2],
                             "jobs": [{"task": "digits@600/depth", "arrival_slot": 0,
                                       "deadline_slot": 3}]})
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list, as_mapping, as_number
from envs.net2net.cells import PROFILES, Cell
from envs.net2net.model import Setup
from envs.net2net.planning.planner import plan
from envs.net2net.theta import FittedSet

MOST_COLUMNS = 100_000      # of all jobs: more would take hours to plan
KEYS = ("gpus", "slots", "slot_ms", "gpu_options", "jobs")
JOB_KEYS = ("task", "arrival_slot", "deadline_slot")


@dataclass(frozen=True)
class Job:
    """A parameter set by its name, and the slots from arrival to deadline (exclusive)."""

    task: str
    arrival_slot: int
    deadline_slot: int

    @property
    def window(self) -> int:
        """Slots that the job may use."""
        return self.deadline_slot - self.arrival_slot


@dataclass(frozen=True)
class Jobs:
    """G equal GPUs, slots of `slot_ms`, and how many GPUs a job may have in one."""

    gpus: int
    slots: int
    slot_ms: float
    gpu_options: tuple[int, ...]    # ascending from 0
    jobs: tuple[Job, ...]

    @classmethod
    def from_config(cls, mapping: Any, where: str = "jobs") -> Jobs:
        """Build and check; other keys than these are refused. Raises `ScenarioError`."""
        given = _keyed(mapping, where, KEYS)
        slots = as_integer(given["slots"], f"{where}.slots", low=1)
        options = tuple(as_integer(g, f"{where}.gpu_options", low=0)
                        for g in as_list(given["gpu_options"], f"{where}.gpu_options"))
        if options[:1] != (0,) or list(options) != sorted(set(options)):
            raise ScenarioError(f"must ascend from 0, found {list(options)}",
                                f"{where}.gpu_options", "a job can wait, so give 0 as well")
        jobs = tuple(_job(job, f"{where}.jobs[{k}]", slots)
                     for k, job in enumerate(as_list(given["jobs"], f"{where}.jobs")))
        made = cls(as_integer(given["gpus"], f"{where}.gpus", low=1), slots,
                   as_number(given["slot_ms"], f"{where}.slot_ms", above=0), options, jobs)
        return _checked(made, where)

    def vectors(self, job: Job) -> list[tuple[int, ...]]:
        """Every plan of GPUs over a job's window, in lexicographic order."""
        return list(product(self.gpu_options, repeat=job.window))

    def active(self, slot: int) -> list[int]:
        """The jobs that may run in a slot, earliest deadline first."""
        there = [k for k, job in enumerate(self.jobs)
                 if job.arrival_slot <= slot < job.deadline_slot]
        return sorted(there, key=lambda k: (self.jobs[k].deadline_slot, k))


@dataclass(frozen=True, eq=False)
class Columns:
    """What each (job, plan of GPUs) brings; the columns of a job lie together, in order."""

    jobs: Jobs
    job: np.ndarray                     # (C,)
    gpus: np.ndarray                    # (C, slots), 0 outside the window
    accuracy: np.ndarray                # (C,) with the best plan of growth
    never: np.ndarray                   # (C,) without growth
    sequence: tuple[tuple[int, ...], ...]

    def number(self, allocation: np.ndarray) -> np.ndarray:
        """The column of each job (K,) under GPUs per job and slot (K, slots)."""
        count = len(self.jobs.gpu_options)
        first = np.searchsorted(self.job, np.arange(len(self.jobs.jobs)))
        found = []
        for k, job in enumerate(self.jobs.jobs):
            place = 0
            for given in allocation[k, job.arrival_slot:job.deadline_slot]:
                place = place * count + self.jobs.gpu_options.index(int(given))
            found.append(first[k] + place)
        return np.array(found)

    def total(self, allocation: np.ndarray) -> float:
        """Sum of accuracies under GPUs per job and slot."""
        return float(self.accuracy[self.number(allocation)].sum())


def columns_of(jobs: Jobs, sets: Mapping[str, FittedSet]) -> Columns:
    """Plan the growth of every job under every plan of GPUs."""
    rows = [(k, vector, planned(jobs, job, vector, sets))
            for k, job in enumerate(jobs.jobs) for vector in jobs.vectors(job)]
    gpus = np.zeros((len(rows), jobs.slots), np.int64)
    for row, (k, vector, _) in zip(gpus, rows, strict=True):
        row[jobs.jobs[k].arrival_slot:jobs.jobs[k].deadline_slot] = vector
    return Columns(jobs, np.array([k for k, _, _ in rows]), gpus,
                   np.array([made.accuracy for _, _, made in rows]),
                   np.array([made.never for _, _, made in rows]),
                   tuple(made.sequence for _, _, made in rows))


def planned(jobs: Jobs, job: Job, vector: tuple[int, ...], sets: Mapping[str, FittedSet]):
    """The best plan of growth of a job with these GPUs in the slots of its window."""
    if job.task not in sets:
        raise ScenarioError(f'no parameter set "{job.task}"', "jobs", nearest(job.task, sets))
    fitted, starts = sets[job.task], tuple(i * jobs.slot_ms for i in range(job.window))
    step_ms = fitted.network.step_ms(fitted.network.base, 1, PROFILES["multi"])
    if jobs.slot_ms < step_ms:
        raise ScenarioError(f"{jobs.slot_ms} is less than one step of the base network of "
                            f"{job.task} ({step_ms:.4g})", "slot_ms")
    cell = Cell(f"{job.task} in {job.window} slots", job.task, fitted.network,
                job.window * jobs.slot_ms, starts, "depth")
    timeline = tuple(zip(starts, vector, strict=True))
    return plan(Setup(cell, fitted.theta, timeline, PROFILES["multi"]))


def _job(mapping: Any, where: str, slots: int) -> Job:
    given = _keyed(mapping, where, JOB_KEYS)
    arrival = as_integer(given["arrival_slot"], f"{where}.arrival_slot", low=0, high=slots - 1)
    deadline = as_integer(given["deadline_slot"], f"{where}.deadline_slot", low=arrival + 1,
                          high=slots)
    return Job(str(given["task"]), arrival, deadline)


def _keyed(mapping: Any, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    given = as_mapping(mapping, where)
    for key in given:
        if key not in keys:
            raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, keys))
    for key in keys:
        if key not in given:
            raise ScenarioError(f"has no {key}", where, "keys: " + ", ".join(keys))
    return given


def _checked(jobs: Jobs, where: str) -> Jobs:
    if not jobs.jobs:
        raise ScenarioError("there is no job", f"{where}.jobs", "give at least one")
    count = sum(len(jobs.gpu_options)**job.window for job in jobs.jobs)
    if count > MOST_COLUMNS:
        raise ScenarioError(f"{count} plans of GPUs, more than {MOST_COLUMNS}", where,
                            "use fewer slots or gpu_options")
    return jobs
