"""Values looked up in a matrix, or computed by a named formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.methods import Fitted, Method, MethodNode
from riskmap.formulas.registry import FORMULAS


def _matrix(node: MethodNode, parts: Sequence[Floats], _: Sequence[float], __: Fitted | None) -> Floats:
    cells = np.array(node.matrix)
    rows, columns = (np.asarray(part) for part in parts)
    whole = (rows == np.floor(rows)) & (columns == np.floor(columns))
    inside = whole & (rows >= 1) & (rows <= cells.shape[0]) & (columns >= 1) & (columns <= cells.shape[1])
    i = np.where(inside, rows, 1).astype(np.intp) - 1
    j = np.where(inside, columns, 1).astype(np.intp) - 1
    return np.where(inside, cells[i, j], np.nan)


def _formula(node: MethodNode, parts: Sequence[Floats], _: Sequence[float], __: Fitted | None) -> Floats:
    assert node.formula is not None  # the file reader saw to it
    given = dict(zip(node.inputs, parts, strict=True))
    return FORMULAS[node.formula]({**node.constants, **given})


def _pull(node: MethodNode, place: int) -> int:
    known = FORMULAS.get(node.formula or "")
    parameter = known.parameters.get(tuple(node.inputs)[place]) if known else None
    return parameter.sign if parameter else 0


METHODS: Final = (
    Method("matrix", Text("矩阵", "matrix"), _matrix, keys=("matrix",), parts_at_least=2),
    Method("formula", Text("公式", "formula"), _formula, polarity=_pull),
)
