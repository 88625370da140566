"""Workers of a process pool that end with the process that began them."""
from __future__ import annotations

import os
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread


def end_with_parent() -> None:
    """To be called first in a worker: it ends when its parent is gone, though it was killed."""
    Thread(target=_end_after, args=(parent_process(),), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)     # the main thread may wait for work for ever
