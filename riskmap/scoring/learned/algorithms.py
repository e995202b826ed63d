"""The four models that are compared, with everything about them that could be turned.

None of the numbers was tuned on an inventory: they are the library's defaults, or small trees and
few of them for the few hundred rows that inventories have. What a fold needs (medians, scales, knots) is learned
inside the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from riskmap.errors import Text
from riskmap.rules.arrays import known
from riskmap.scoring.learned.training_data import Kind, TrainingData

MODELS: Final = ("logistic", "splines", "random_forest", "hist_gradient_boosting")


TITLES: Final = {
    "logistic": Text("逻辑回归（L2 惩罚）", "logistic regression (L2)"),
    "splines": Text("样条逻辑回归（L2 惩罚）", "splines + L2"),
    "random_forest": Text("随机森林", "random forest"),
    "hist_gradient_boosting": Text("直方图梯度提升", "histogram gradient boosting"),
}


SETTINGS: Final = {
    "logistic": "standardised; L2, C = 1",
    "splines": "cubic B-splines on 5 quantile knots, constant outside; L2, C = 1",
    "random_forest": "60 trees, at least 10 rows in a leaf, sqrt of the predictors at a split, at most 1000 rows a tree",
    "hist_gradient_boosting": "100 steps of .05, 4 leaves, at least 20 rows in a leaf (5 where there are few), L2 = 1",
}


_KNOTS: Final = 5


_FEWEST_FOR_A_CURVE: Final = 8  # distinct values; below, a straight line


_TREES: Final = 60


_ROWS_A_TREE: Final = 1000


_LEAF: Final = 20


_SMALL_LEAF: Final = 5


_SMALL: Final = 200  # rows


def build(model: str, inventory: TrainingData, *, rows: int, seed: int, threads: int = 1) -> Any:
    """Return the unfitted pipeline of `model` for tables like the inventory's, to be fitted on `rows` rows.

    Missing values are imputed by the median (codes by the commonest) of the rows that it is fitted on.
    """
    from sklearn.pipeline import Pipeline  # noqa: PLC0415 - heavy

    curves = [
        i
        for i, kind in enumerate(inventory.kinds)
        if kind == "number" and len(known(inventory.values[:, i])) >= _FEWEST_FOR_A_CURVE
    ]
    columns = _columns(model, inventory.kinds, curves, seed)
    return Pipeline([("columns", columns), ("model", _estimator(model, rows, seed, threads))])


def _columns(model: str, kinds: Sequence[Kind], curves: Sequence[int], seed: int) -> Any:
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - heavy
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - heavy
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - heavy
    from sklearn.pipeline import Pipeline  # noqa: PLC0415 - heavy
    from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler, TargetEncoder  # noqa: PLC0415 - heavy

    def median() -> tuple[str, Any]:
        return "impute", SimpleImputer(strategy="median", keep_empty_features=True)

    def commonest() -> tuple[str, Any]:
        return "impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)

    linear = model in {"logistic", "splines"}
    curved = list(curves) if model == "splines" else []
    straight = [i for i, kind in enumerate(kinds) if kind in {"number", "switch"} and i not in curved]
    scale = [("scale", StandardScaler())] if linear else []
    codes = [i for i, kind in enumerate(kinds) if kind == "code"]
    parts: list[tuple[str, Any, list[int]]] = []
    if straight:
        parts.append(("numbers", Pipeline([median(), *scale]), straight))
    if curved:
        basis = SplineTransformer(
            n_knots=_KNOTS, degree=3, knots="quantile", extrapolation="constant", include_bias=False
        )
        parts.append(("curves", Pipeline([median(), ("splines", basis)]), curved))
    if codes:
        dummies = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        parts.append(("codes", Pipeline([commonest(), ("dummies", dummies)]), codes))
    rates = [i for i, kind in enumerate(kinds) if kind == "rate"]
    if rates:
        # Shrunk towards the overall share; a row is encoded by the rows of other parts, so that it never sees itself.
        parts_of: Any = StratifiedKFold(5, shuffle=True, random_state=seed)
        encoder = TargetEncoder(target_type="binary", smooth="auto", cv=parts_of)
        parts.append(("rates", Pipeline([commonest(), ("encode", encoder), *scale]), rates))
    return ColumnTransformer(parts, sparse_threshold=0.0)


def _estimator(model: str, rows: int, seed: int, threads: int) -> Any:
    if model in {"logistic", "splines"}:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy

        return LogisticRegression(C=1.0, max_iter=5000)
    if model == "random_forest":
        from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - heavy

        return RandomForestClassifier(
            _TREES,
            min_samples_leaf=min(10, max(1, rows // 20)),
            max_features="sqrt",
            max_samples=_ROWS_A_TREE if rows > _ROWS_A_TREE else None,
            n_jobs=threads,
            random_state=seed,
        )
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - heavy

    never: Any = False
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=4,
        min_samples_leaf=_LEAF if rows >= _SMALL else _SMALL_LEAF,
        l2_regularization=1.0,
        early_stopping=never,
        random_state=seed,
    )


def without_training_state(pipeline: Any) -> Any:
    """Return the fitted pipeline, in place, without what only training needs: threads, a random generator.

    Predictions then come from one thread each, so that many may ask at once.
    """
    estimator = pipeline.named_steps["model"]
    if hasattr(estimator, "n_jobs"):
        estimator.set_params(n_jobs=None)
    if getattr(estimator, "_feature_subsample_rng", None) is not None:
        estimator._feature_subsample_rng = None  # noqa: SLF001 - skops would store its type too
    columns = pipeline.named_steps["columns"]
    for name, part, _ in (*columns.transformers, *columns.transformers_):
        if name == "rates":
            encoder = part.named_steps["encode"]
            encoder.cv = encoder.cv_ = None  # how training cut its rows
    return pipeline
