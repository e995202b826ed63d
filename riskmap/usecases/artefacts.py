"""Loading what scoring models have learned: the trained files that lie beside them in models/."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from riskmap.assess import Predictor
from riskmap.catalog.model import Prediction, ScoringModel
from riskmap.errors import ArtefactError


class _Loader(Protocol):
    """`riskmap.assess.learned.load_learned`: refuses a file whose SHA-256 is not `digest`."""

    def __call__(self, path: Path, *, digest: str) -> Predictor: ...


def load_artefacts(folder: Path, model: ScoringModel) -> Mapping[str, Predictor]:
    """Return node id → artefact for the learned nodes of a model, from `folder`; {} without any.

    ArtefactError where a file is not there, is not the one that the model names, predicts from
    something else than the model's inputs, or knows nothing of the model's reference.
    """
    return {node.id: _load(folder, model, node) for node in model.learned}


def _load(folder: Path, model: ScoringModel, node: Prediction) -> Predictor:
    path = folder / node.learned.artefact
    if not path.is_file():
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：没有文件 {path}；"
            "请把训练所得的文件放到模型文件旁边，或用 riskmap train 重新训练",
            f"scoring model {model.id} › {node.id}: no file {path}; "
            "put the trained file beside the model file, or train it again with riskmap train",
        )
    loaded = _loader()(path, digest=node.learned.digest)
    stated, known = set(node.learned.inputs), set(loaded.predictors)
    if stated != known:
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：inputs 为 {'、'.join(sorted(stated))}，"
            f"训练文件用的是 {'、'.join(sorted(known))}；请把 inputs 改为一致",
            f"scoring model {model.id} › {node.id}: inputs name {', '.join(sorted(stated))}, the artefact predicts "
            f"from {', '.join(sorted(known))}; make the inputs the same",
        )
    _check_reference(model, node, loaded)
    return loaded


def _check_reference(model: ScoringModel, node: Prediction, loaded: Predictor) -> None:
    """Refuse a reference of which the artefact knows nothing: no explanation could start from it."""
    leaves = {leaf.id: leaf.reference for leaf in model.indicators}
    at = {
        name: np.array([float(cast("float", leaves[key]))])
        for name, key in zip(node.learned.inputs, node.of, strict=True)
    }
    if np.isnan(loaded.predict(at)).any():
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：reference 超出训练范围，说明无从比起；请改为训练数据中出现过的值",
            f"scoring model {model.id} › {node.id}: the reference lies outside what was trained, nothing can be "
            "explained against it; state values that the training data had",
        )


def _loader() -> _Loader:
    try:
        module = importlib.import_module("riskmap.assess.learned")
    except ModuleNotFoundError as problem:
        raise ArtefactError(
            "本版程序不能载入训练所得的模型文件；请升级 riskmap",
            "this program cannot load trained files; use a newer riskmap",
        ) from problem
    return cast("_Loader", module.load_learned)
