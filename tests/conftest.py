"""The suite runs kernels with bounds checks, draws without a screen and trains on one thread."""
import os

os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
