"""Users' functions that the kernel calls: plain Python ones, and what compiled ones raise."""
from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from envs.core.errors import PolicyError

Guard = Callable[[], AbstractContextManager]


def callback(arguments: int) -> Any:
    """The ctypes form of a function of so many numbers."""
    return ctypes.CFUNCTYPE(*[ctypes.c_double] * (1 + arguments))


class PythonFunction:
    """A plain function of so many numbers, called back by the kernel.

    The kernel cannot pass an exception on, so the first one is kept and raised afterwards; from
    then on the function is not called any more, the answer is `failed`, and the run is soon over.
    """

    def __init__(self, function: Callable[..., float], arguments: int, failed: float):
        self.function, self.failed = function, failed
        self.errors: list[BaseException] = []
        self._callback = callback(arguments)(self._answer)

    @property
    def address(self) -> int:
        """Where the kernel calls."""
        return ctypes.cast(self._callback, ctypes.c_void_p).value

    def _answer(self, *arguments: float) -> float:
        if self.errors:
            return self.failed
        try:
            return float(self.function(*arguments))
        except BaseException as error:      # Ctrl-C and SystemExit too: nobody else sees them
            self.errors.append(error)
            return self.failed

    @contextmanager
    def watched(self, guard: Guard) -> Iterator[None]:
        """Raise what the function raised, blamed on its file."""
        with overheard(self.errors):
            yield
        with guard():
            if self.errors:
                raise self.errors[0]


@contextmanager
def overheard(errors: list[BaseException]) -> Iterator[None]:
    """Keep what compiled functions raise, and a Ctrl-C that meets a call from compiled code."""
    before = sys.unraisablehook

    def keep(event: Any) -> None:
        compiled = isinstance(event.object, str) and "numba" in event.object
        if compiled or isinstance(event.exc_value, KeyboardInterrupt):
            errors.append(event.exc_value)
        else:
            before(event)

    sys.unraisablehook = keep
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def listening(policy: Any) -> Iterator[None]:
    """Raise what a compiled function raised meanwhile, blamed on its file."""
    errors: list[BaseException] = []
    with overheard(errors):
        yield
    for error in errors[:1]:
        if isinstance(error, KeyboardInterrupt):
            raise error
        raise PolicyError(f"{type(error).__name__}: {error}", place(policy), "mend the policy")


def place(policy: Any) -> str:
    """File and line of a compiled function."""
    code = policy.__wrapped__.__code__
    return f"{code.co_filename}, line {code.co_firstlineno}"
