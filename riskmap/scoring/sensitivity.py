"""Which factors a model's score hangs on, over the values that occur in a layer.

Variance-based indices (Sobol', first order and total) or elementary effects (Morris: μ* and σ),
computed by SALib, the extra `sensitivity`. Factors vary independently: a number evenly between
the least and the greatest value seen, anything listed evenly over the values seen. Gates and direct
rules are not part of the score and take no part.
Saltelli et al. 2010 (Sobol' estimators), Campolongo et al. 2007 (μ*).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, ScoringModel
from riskmap.errors import RiskmapError
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.scoring.fit import Fit, needed_fit
from riskmap.scoring.kernel import rounded
from riskmap.scoring.nodes import Learned, evaluate, leaf_values, transform

Method = Literal["sobol", "morris"]


METHODS: tuple[Method, ...] = ("sobol", "morris")


_LEVELS = 8  # of Morris' grid


_TRAJECTORIES = 128


_SOBOL = 4096  # base sample, a power of two


_RESAMPLES = 2  # for confidence intervals, which are not asked for


_LISTED = 12  # that many different numbers or fewer are a list and no range


@dataclass(frozen=True, slots=True)
class FactorRange:
    """What one field varied over: `least` to `greatest`, or the values of `listed` (field values).

    One value alone is held; a field without any stays missing.
    """

    field: str
    least: float | None
    greatest: float | None
    listed: tuple[float | str | bool, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether the field has two different values."""
        return self.least is not None or len(self.listed) > 1


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Indices per varied field: `first` and `total` (Sobol'), or `mu_star` and `sigma` (Morris).

    `fixed`: fields that have one value, or none, in the layer and so cannot vary. `runs`:
    how many scores were computed.
    """

    method: Method
    seed: int
    runs: int
    ranges: tuple[FactorRange, ...]
    indices: Mapping[str, Mapping[str, float]]
    fixed: tuple[FactorRange, ...]


def sensitivity(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    method: Method = "sobol",
    seed: int = 1,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> Sensitivity:
    """Return how much each field moves the score over the values seen in `table`.

    `fit` and `learned` as in `assess_table`; what compares with the layer stands still while factors
    vary. RiskmapError where SALib is not installed, where no two values differ, and where the
    scores of the varied factors are unknown; NotFittedError without the fit that the model needs.
    """
    fit = needed_fit(model, fit)
    columns = LayerArrays(table, layer)
    seen = [_range(model, layer, columns, field) for field in model.fields]
    ranges, fixed = [one for one in seen if one.varies], [one for one in seen if not one.varies]
    if not ranges:
        raise RiskmapError(
            f"{layer.title.zh}：没有取值不同的评分字段，无法分析敏感性；请先导入数据",
            f"{layer.id}: no field of the score has two different values, nothing can vary; import records first",
        )
    problem = {
        "num_vars": len(ranges),
        "names": [one.field for one in ranges],
        "bounds": [[0.0, 1.0]] * len(ranges),
    }
    sample, analyse = _tools(method)
    at = sample(problem, seed)
    varied = _varied(layer, seen, dict(zip(problem["names"], at.T, strict=True)), len(at))
    leaves, _ = leaf_values(model, varied, fit=fit)
    values = evaluate(model, leaves, fit=fit, learned=learned)
    score = np.broadcast_to(rounded(model, values[model.score]), len(at)).astype(np.float64)
    if np.isnan(score).any():
        raise _unknown(model, layer, fixed)
    found = analyse(problem, at, score, seed) if np.ptp(score) > 0 else {}
    keys = {"first": "S1", "total": "ST"} if method == "sobol" else {"mu_star": "mu_star", "sigma": "sigma"}
    indices = {
        one.field: {name: _finite(found.get(key, ()), i) for name, key in keys.items()}
        for i, one in enumerate(ranges)
    }
    return Sensitivity(method, seed, len(at), tuple(ranges), indices, tuple(fixed))


def _unknown(model: ScoringModel, layer: Layer, fixed: Sequence[FactorRange]) -> RiskmapError:
    """Return the refusal of a model that gives no score for some of the varied values."""
    needed = {leaf.field for leaf in model.indicators if leaf.missing in {"unrated", "above"}}
    empty = ", ".join(one.field for one in fixed if not one.listed and one.field in needed)
    if empty:
        return RiskmapError(
            f"{layer.title.zh}：按现有数据算不出得分，缺 {empty}；请先补充这些字段",
            f"{layer.id}: the score cannot be computed from what is known, {empty} lacking; fill these first",
        )
    return RiskmapError(
        f"{layer.title.zh}：各字段独立变化时，有的取值组合算不出得分（除以零、对数无意义，或超出训练范围），"
        "无法分析敏感性；可为这些节点写明 missing",
        f"{layer.id}: some combinations of the values seen have no score (a division by zero, a logarithm of 0, "
        "values outside what was trained), so nothing can be said; state `missing` for these nodes",
    )


def _finite(values: Sequence[float], i: int) -> float:
    """Return an index; a score that does not vary at all has indices 0."""
    number = float(values[i]) if len(values) else 0.0
    return number if math.isfinite(number) else 0.0


def _tools(method: Method) -> tuple[Any, Any]:
    try:
        if method == "sobol":
            from SALib.analyze import sobol as analysis  # noqa: PLC0415 - an extra, loaded when asked for
            from SALib.sample import sobol as sampling  # noqa: PLC0415

            return (
                lambda p, seed: sampling.sample(p, _SOBOL, calc_second_order=False, seed=seed),
                lambda p, _, y, seed: analysis.analyze(
                    p, y, calc_second_order=False, num_resamples=_RESAMPLES, seed=seed
                ),
            )
        from SALib.analyze import morris as effects  # noqa: PLC0415
        from SALib.sample import morris as paths  # noqa: PLC0415
    except ImportError as problem:
        raise RiskmapError(
            "敏感性分析需要 SALib：请运行 pip install 'riskmap[sensitivity]'",
            "sensitivity needs SALib: run pip install 'riskmap[sensitivity]'",
        ) from problem
    return (
        lambda p, seed: paths.sample(p, _TRAJECTORIES, num_levels=_LEVELS, seed=seed),
        lambda p, x, y, seed: effects.analyze(
            p, x, y, num_resamples=_RESAMPLES, num_levels=_LEVELS, seed=seed
        ),
    )


def _range(model: ScoringModel, layer: Layer, columns: LayerArrays, field: str) -> FactorRange:
    leaf = next(leaf for leaf in model.indicators if leaf.field == field)
    column = columns.read(field)
    definition = next((f for f in layer.fields if f.id == field), None)
    if isinstance(column, Words):
        numbers = transform(leaf, Words(np.arange(len(column.words), dtype=np.int32), column.words))
        present = np.isin(np.arange(len(column.words)), column.codes) & ~np.isnan(numbers)
        pairs = sorted((float(numbers[i]), column.words[i]) for i in np.flatnonzero(present))
        return _listed(field, [word for _, word in pairs])
    numbers = transform(leaf, column)
    different = np.unique(column[~np.isnan(column) & ~np.isnan(numbers)])
    if definition is None or definition.type == "boolean":
        return _listed(field, [bool(v) for v in different])
    if definition.standard_values or leaf.table is not None or len(different) <= _LISTED:
        return _listed(field, different.tolist())
    return FactorRange(field, float(different[0]), float(different[-1]), ())


def _listed(field: str, values: Sequence[Any]) -> FactorRange:
    return FactorRange(field, None, None, tuple(values))


def _varied(layer: Layer, seen: Sequence[FactorRange], at: Mapping[str, Floats], rows: int) -> LayerArrays:
    """Return the columns of the sampled rows; `at`: field → share of its range, for those that vary."""
    columns: dict[str, pa.Array] = {"row": pa.array(range(rows), pa.int64())}
    marks: dict[str, list[Any]] = {}
    for one in seen:
        values = _values(one, at.get(one.field, np.zeros(rows)))
        if one.field.startswith(CHECKLIST_PREFIX):
            marks[one.field] = values
        else:
            columns["f:" + one.field] = pa.array(values)
    if layer.checklist is not None:
        nothing: list[Any] = [None] * rows
        parts = [marks.get(CHECKLIST_PREFIX + item.id, nothing) for item in layer.checklist.items]
        columns["checklist"] = pa.array([list(row) for row in zip(*parts, strict=True)], pa.list_(pa.bool_()))
    return LayerArrays(pa.table(columns), layer)


def _values(one: FactorRange, share: Floats) -> list[Any]:
    if one.least is not None and one.greatest is not None:
        return (one.least + share * (one.greatest - one.least)).tolist()
    if not one.listed:
        return [None] * len(share)
    place = np.minimum((share * len(one.listed)).astype(int), len(one.listed) - 1)
    return [one.listed[i] for i in place.tolist()]
