"""Compile options, and a cache that cannot go stale.

Numba keys its cache on the file of the compiled function alone: an edited callee or constant in
another module goes unseen, and so do NUMBA_BOUNDSCHECK and its like. The cache folder is
therefore named after all kernel sources, numba's version and the flags that change code.
"""
from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numba import config, types
from numba.extending import intrinsic

from envs.core.errors import PolicyError

ROOT = Path(__file__).parents[1]
FLAGS = f"{config.BOUNDSCHECK} {config.OPT} {config.ENABLE_AVX} {config.CPU_NAME} " \
        f"{config.CPU_FEATURES} {config.DISABLE_JIT}"
SOURCES = ("core/jit.py", "core/rng.py", "core/philox.py", "*/state.py", "*/work.py", "*/policy.py",
           "*/rules/*.py")


def kernel_digest() -> str:
    """Hash of everything that decides what the kernels compute."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {FLAGS}".encode())
    for path in sorted({p for pattern in SOURCES for p in ROOT.glob(pattern)}):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels of exactly these sources lie."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "scheduler-suite" / "kernels" / kernel_digest()


if not os.environ.get("NUMBA_CACHE_DIR"):
    config.CACHE_DIR = str(cache_folder())

# Rules allocate nothing, so reference counting of the arrays they are handed is pure loss: with it
# a kernel that passes many arrays ran 50 times slower. The option is private to numba, hence named
# here only; a test checks that it still exists.
OPTIONS = dict(cache=True, nogil=True, error_model="numpy", _nrt=False)
# Only drivers may be called from Python: wrappers of the others are a fifth of the compile time,
# and without one a call from Python crashes the process.
INNER = dict(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)
rule = numba.njit(forceinline=True, **INNER)        # scalar code about one replica
part = numba.njit(**INNER)                          # the same where it is long, or often called
driver = numba.njit(**OPTIONS)                      # loops over replicas


def records(array: np.ndarray) -> np.ndarray:
    """The array as rules take it: interpreted runs need record fields as attributes."""
    return array.view(np.recarray) if config.DISABLE_JIT and array.dtype.names else array


def announce_compilation() -> None:
    """Say once that the first call compiles, unless this cache folder is already filled."""
    folder = Path(config.CACHE_DIR)
    if not config.DISABLE_JIT and not (folder.exists() and any(folder.iterdir())):
        print("compiling the simulation kernels (once, one to two minutes) ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)


def policy(signature: types.Type) -> Callable[[Callable], object]:
    """A decorator that compiles a user's scalar function to a C function of this signature.

    Exceptions inside compiled C functions are swallowed, so it must not raise.
    """

    def compile_function(function: Callable) -> object:
        try:
            return numba.cfunc(signature, nopython=True, error_model="numpy")(function)
        except numba.core.errors.NumbaError as error:
            line = f"{function.__code__.co_filename}, line {function.__code__.co_firstlineno}"
            reason = str(error).strip().splitlines()[0]
            raise PolicyError(f"{function.__name__} does not compile ({reason})", line,
                              "use numbers and arithmetic only") from None

    return compile_function


def pointer_call(signature: types.Type) -> Callable[..., float]:
    """A rule `call(address, *arguments)` for C functions of this signature."""
    if config.DISABLE_JIT:
        return _interpreted_call(signature)
    from llvmlite import ir

    @intrinsic
    def call(context, address, arguments):
        def generate(context, builder, sig, values):
            kinds = [context.get_value_type(t) for t in signature.args]
            kind = ir.FunctionType(context.get_value_type(signature.return_type), kinds)
            function = builder.inttoptr(values[0], kind.as_pointer())
            parts = [builder.extract_value(values[1], i) for i in range(len(kinds))]
            return builder.call(function, parts)

        return signature.return_type(types.int64, types.UniTuple(types.float64,
                                                                 len(signature.args))), generate

    return call


def _interpreted_call(signature: types.Type) -> Callable[..., float]:
    kind = ctypes.CFUNCTYPE(*[ctypes.c_double] * (1 + len(signature.args)))
    return lambda address, arguments: kind(int(address))(*arguments)
