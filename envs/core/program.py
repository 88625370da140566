"""A linear or mixed-integer program as arrays, in the form that OR-Tools MathOpt reads.

MathOpt's messages are exchanged as they are: its Python model of the same costs as much as a solve
of a linear program.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from envs.core.errors import ScenarioError

STATUS = {"OPTIMAL": "optimal", "FEASIBLE": "feasible", "INFEASIBLE": "infeasible",
          "INFEASIBLE_OR_UNBOUNDED": "infeasible", "NO_SOLUTION_FOUND": "no_solution"}


def math_opt() -> Any:
    """The MathOpt module, imported when a solver is first needed."""
    try:
        from ortools.math_opt.python import mathopt
    except ImportError:
        raise ScenarioError("this policy needs the solver package ortools",
                            remedy="pip install ortools") from None
    return mathopt


def ending(result: Any) -> str:
    """How a solve ended, from its message: `OPTIMAL`, `FEASIBLE` ..."""
    reason = type(result.termination).DESCRIPTOR.fields_by_name["reason"].enum_type
    name = reason.values_by_number[result.termination.reason].name
    return name.removeprefix("TERMINATION_REASON_")


def silent() -> tuple[Any, ...]:
    """The arguments of a solve after its parameters: nothing to hint, nobody to call back."""
    mathopt = math_opt()
    return (mathopt.ModelSolveParameters().to_proto(), None,
            mathopt.CallbackRegistration().to_proto(), None, None)


class Program:
    """Maximise over columns that are added in blocks, under rows that are added in blocks."""

    def __init__(self) -> None:
        self.count = self.height = 0
        self._upper: list[np.ndarray] = []
        self._integer: list[np.ndarray] = []
        self._value: list[np.ndarray] = []
        self._low: list[np.ndarray] = []
        self._high: list[np.ndarray] = []
        self._entries: list[tuple[np.ndarray, ...]] = []

    def columns(self, upper: np.ndarray, value: float | np.ndarray = 0.0,
                integer: bool = False) -> np.ndarray:
        """Variables from 0 to `upper` with their value in the objective; returns their numbers."""
        first, count = self.count, len(upper)
        self.count += count
        self._upper.append(np.asarray(upper, float))
        self._value.append(np.broadcast_to(value, count).astype(float))
        self._integer.append(np.full(count, integer))
        return np.arange(first, self.count)

    def rows(self, low: float | np.ndarray, high: float | np.ndarray, count: int,
             *terms: tuple[Any, np.ndarray, Any]) -> np.ndarray:
        """`count` rows low <= Σ coefficient * column <= high; terms are (row, column, coefficient).

        Rows are numbered from 0 inside the block; returns their numbers in the program.
        """
        first = self.height
        self.height += count
        self._low.append(np.broadcast_to(low, count).astype(float))
        self._high.append(np.broadcast_to(high, count).astype(float))
        for row, column, coefficient in terms:
            row, coefficient = (np.broadcast_to(x, len(column)) for x in (row, coefficient))
            self._entries.append((row + first, column, coefficient))
        return np.arange(first, self.height)

    def proto(self) -> Any:
        """The program as MathOpt's ModelProto."""
        from ortools.math_opt import model_pb2

        model = model_pb2.ModelProto()
        model.variables.ids.extend(range(self.count))
        model.variables.lower_bounds.extend([0.0] * self.count)
        model.variables.upper_bounds.extend(np.concatenate(self._upper).tolist())
        model.variables.integers.extend(np.concatenate(self._integer).tolist())
        model.objective.maximize = True
        model.objective.linear_coefficients.ids.extend(range(self.count))
        model.objective.linear_coefficients.values.extend(np.concatenate(self._value).tolist())
        model.linear_constraints.ids.extend(range(self.height))
        model.linear_constraints.lower_bounds.extend(np.concatenate(self._low).tolist())
        model.linear_constraints.upper_bounds.extend(np.concatenate(self._high).tolist())
        row, column, coefficient = (np.concatenate(x) for x in zip(*self._entries, strict=True))
        order = np.argsort(row * self.count + column)   # the format wants rows, then columns
        matrix = model.linear_constraint_matrix
        matrix.row_ids.extend(row[order].tolist())
        matrix.column_ids.extend(column[order].tolist())
        matrix.coefficients.extend(coefficient[order].astype(float).tolist())
        return model
