"""A run of the reference in the form of an oracle."""

from .run import Result

WINDOW_FIELDS = ("arrivals", "met", "late", "dropped", "queue", "realloc")


def expected(run: Result) -> dict:
    """Outcome of every request, metrics, windows."""
    return {"status": run.status, "device": run.device, "start": run.start, "finish": run.finish,
            "metrics": run.metrics,
            "windows": [{f: getattr(w, f) for f in WINDOW_FIELDS} for w in run.windows]}
