"""Workers of a pool do not outlive a parent that was killed."""
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from envs.core.files import REPOSITORY
from envs.core.workers import end_with_parent

PARENT = """
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from envs.core.workers import end_with_parent

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_with_a_parent_that_was_killed(tmp_path):
    path = tmp_path / "parent.py"
    path.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, path], env={"PYTHONPATH": str(REPOSITORY)},
                              stdout=subprocess.PIPE, text=True)
    told, _ = parent.communicate(timeout=60)        # the worker holds the pipe while it lives
    assert int(told) > 0 and parent.returncode < 0


def test_a_pool_ends_as_usual():
    with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as pool:
        assert pool.submit(int, "7").result() == 7
