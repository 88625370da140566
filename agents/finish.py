"""The end of a run: the policy and its card, the picture, the held-out table."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import store
from agents.task import store_folder, threads_of

if TYPE_CHECKING:
    from agents.training import Run


def finish(run: Run) -> Path:
    """Save to the run folder, and where `save` and `library` say; only then show how good it is,
    so that a table that fails costs nothing that was learned."""
    here = run.folder / "policy"
    places = _stored(run, here)
    if run.config.pictures:
        run.tracker.picture("timeline", picture(run), run.learner.steps)
    if run.config.table:
        results = held_out(run, here)
        for place in places:
            _store(run, place, results, replace=True)
    return here


def _stored(run: Run, here: Path) -> list[Path]:
    """Keep the policy wherever it is wanted; the folders that take the table's rows."""
    places, say = [here], run.progress.console.print
    _store(run, here, "", replace=True)
    say(f"policy:  {here}", soft_wrap=True)
    if run.config.save is not None:
        places.append(store_folder(run.config))
        _store(run, places[-1], "", replace=run.config.replace)
        say(f"saved:   {places[-1]}", soft_wrap=True)
    if run.config.library is not None:
        from agents.library.joining import join_run

        say(f"library: {join_run(run)}", soft_wrap=True)
    return places


def _store(run: Run, place: Path, results: str, replace: bool) -> None:
    store.save(place, run.policy, card=card(run, place.name), results=results,
               trained_on=trained_on(run), replace=replace)


def held_out(run: Run, folder: Path) -> str:
    """Print the table on the test windows; its rows as CSV. Known scores are not run again.

    The shipped policies and the rivals stand in it; solvers that plan for minutes do not, unless
    they are asked for: `test.py` compares everything.
    """
    from agents.contenders import SavedContender
    from agents.evaluation import compare
    from agents.evaluation.command import bar
    from agents.evaluation.protocol import BASELINES, RIVALS, saved_policies
    from agents.evaluation.report import print_table, printed_tables, results_csv

    task = run.task
    own = SavedContender(f"{run.agent.name} (this run)", task.domain.name, folder=folder)
    names = [BASELINES] if run.config.all_baselines else [RIVALS]
    with bar() as progress:
        found = compare([own, *saved_policies(task.domain).values(), *names], task.scenario,
                        env=task.domain.name, trace=task.workload, options=task.extra,
                        cached=True, lenient=True, workers=threads_of(None),
                        progress=progress)
    for table in printed_tables(found):
        print_table(table, run.progress.console)
    run.progress.console.print(
        f"everything: python test.py env={task.domain.name} policy={folder}", soft_wrap=True)
    return results_csv({"": found})


def picture(run: Run) -> np.ndarray:
    """The timeline of the policy on the first validation window."""
    import gymnasium as gym
    from gymnasium.vector import AutoresetMode

    task = run.task
    window = task.workload.part("validation", 1, task.domain.window_length)[0]
    scenario = task.domain.prepared(task.scenario, task.workload)
    env = gym.make_vec(task.domain.env_id, num_envs=1, trace=window.trace,
                       scenario=scenario.merge(task.options).merge(task.extra),
                       autoreset_mode=AutoresetMode.DISABLED, render_mode="rgb_array")
    observation, info = env.reset(seed=window.seed)
    policy, over = run.policy, False
    policy.start(env)
    while not over:
        action = policy.act(observation, info["action_mask"])
        observation, _, terminated, truncated, info = env.step(action)
        over = bool(terminated[0] or truncated[0])
    drawn = env.render()[0]
    env.close()
    return drawn


def trained_on(run: Run) -> dict[str, Any]:
    """What the store keeps about the making of a policy."""
    return {"scenario": run.task.scenario.name, "trace": run.task.workload.name,
            "agent": run.agent.name, "seed": run.config.seed, "steps": run.learner.steps,
            "minutes": round(run.elapsed / 60, 1), "options": run.task.extra, "command": command()}


def command() -> str:
    """How this run was started."""
    return " ".join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])


def card(run: Run, name: str) -> str:
    """A page on the policy: what made it and how good it was where it was chosen."""
    column, about = run.task.domain.chosen_by, trained_on(run)
    lines = [f"# {name}", "",
             f"A policy for `env={run.task.domain.name}`, trained by {run.agent.name} "
             f"(network `{run.network_name}`).", "", f"    {about['command']}", "",
             f"- trained on scenario `{about['scenario']}`, trace `{about['trace']}`",
             f"- {about['steps']:,} environment steps, {about['minutes']} minutes, "
             f"seed {about['seed']}"]
    if run.best_score is not None and run.rival is not None:
        digits, metric = column.digits, column.metric
        lines.append(f"- {column.heading} on the validation windows: "
                     f"{run.best_score.metrics[metric]:.{digits}f}; best baseline there "
                     f"({run.rival.name}): {run.rival.metrics[metric]:.{digits}f}")
    lines += ["- held-out windows: `results.csv`",
              "- versions: " + ", ".join(f"{k} {v}" for k, v in store.versions().items())]
    return "\n".join(lines) + "\n"
