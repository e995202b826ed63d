"""Train a susceptibility model: read the table, cut folds, compare four models, keep one as a file.

The document of `riskmap train --json` is `training_json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.actions.training_table import Request, read_training_table
from riskmap.actions.workspace import WORKSPACE_FILE, workspace_dir
from riskmap.array_types import Bools
from riskmap.errors import LearnedError, Text
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.json_documents import Document
from riskmap.progress import UNWATCHED, Progress
from riskmap.scoring.learned.algorithms import MODELS, SETTINGS
from riskmap.scoring.learned.artefact import Learned, dump_learned, learned_from
from riskmap.scoring.learned.diagnostics import Card, card_text, of_inventory, of_scores
from riskmap.scoring.learned.leakage import leaks
from riskmap.scoring.learned.training_data import FoldKind, Folds, TrainingData, check_enough, make_folds
from riskmap.scoring.learned.validation import (
    INTERVAL,
    Training,
    Validation,
    auroc,
    calibration,
    fitted,
    interval,
    partial_dependence,
    permutation_importance,
    probability,
    quietly,
    validate,
)
from riskmap.values.assessment import Diagnostic, remark

SEED: Final = 20240601


COMPARED: Final = 5  # repeats of the folds that are only compared with


_REPEATS: Final = ((1_500, 20), (4_000, 10))  # up to so many rows, so many repeats


_FEWEST_REPEATS: Final = 5


_READING: Final = Text("读取样本", "reading the samples")


_VALIDATING: Final = Text("交叉验证", "cross-validation")


_FITTING: Final = Text("用全部样本训练", "training on all samples")


def train_susceptibility(
    data: Path,
    request: Request,
    *,
    folds: FoldKind = "spatial",
    repeats: int | None = None,
    model: str | None = None,
    prevalence: float | None = None,
    seed: int = SEED,
    progress: Progress = UNWATCHED,
) -> Training:
    """Compare the four models on the table of `data`; nothing is written.

    `repeats`: how often the folds are cut anew, by default 20 (10 beyond 1,500 rows, 5 beyond 4,000).
    `model`: the one to keep; by default the one with the highest AUROC in `folds`. `prevalence`: the true
    share of occurrences, 0–1, for the prior correction. Deterministic by `seed`, whatever the order
    of the rows. RiskmapError as for `read_training_table`, and where folds cannot be made.
    """
    _check(model, prevalence, repeats)
    progress.step(0, 1, _READING)
    table = read_training_table(data, request)
    inventory = table.inventory
    check_enough(inventory)
    times = repeats or repeats_for(len(inventory))
    mine = make_folds(inventory, folds, repeats=times, seed=seed)
    theirs = _other_folds(inventory, folds, repeats=min(COMPARED, times), seed=seed)
    validating, fitting = progress.parts(9, 1)
    steps = _Steps(validating, len(MODELS) * (times + (theirs.repeats if theirs else 0)))
    main = tuple(validate(m, inventory, mine, seed=seed, step=steps) for m in MODELS)
    other = (
        tuple(validate(m, inventory, theirs, seed=seed, step=steps) for m in MODELS)
        if theirs is not None
        else ()
    )
    fitting.step(0, 1, _FITTING)
    chosen = model or max(main, key=lambda v: v.auroc_mean).model
    whole = {m: _fit_all(m, inventory, seed) for m in MODELS}
    pipeline = whole[chosen][0]
    best = next(v for v in main if v.model == chosen)
    remarks = [
        *table.remarks,
        *of_inventory(inventory, prevalence=prevalence),
        *leaks(inventory, mine),
        *of_scores(main, other, mine, theirs),
    ]
    if times < _REPEATS[0][1]:
        remarks.append(_fewer_repeats(times, len(inventory)))
    return Training(
        table=table,
        prevalence=prevalence,
        seed=seed,
        folds=mine,
        main=main,
        others=theirs,
        other=other,
        in_sample={m: reached for m, (_, reached) in whole.items()},
        chosen=chosen,
        pipeline=pipeline,
        bins=calibration(best.held_out, inventory.occurred),
        importance=permutation_importance(chosen, inventory, mine, seed=seed),
        dependence=partial_dependence(pipeline, inventory),
        remarks=tuple(remarks),
    )


def save_training(training: Training, to: Path, *, at: datetime) -> tuple[Learned, Path]:
    """Write the chosen model to `to` (.skops) and its card beside it (.card.toml); return both.

    `at` is the date of the training. The file is loaded again as anybody would, before it takes its
    place. ExportError where it cannot be written, LearnedError for another ending.
    """
    check_ending(to)
    data = artefact_of(training)
    learned = learned_from(data, name=str(to))
    card = to.with_suffix(".card.toml")
    text = card_text(_card(training, learned.digest, to.name, at))
    with replacing(to, card) as (model_file, card_file):
        model_file.write_bytes(data)
        card_file.write_text(text, encoding="utf-8")
    return learned, card


def check_ending(to: Path) -> None:
    """Raise LearnedError for an artefact's name that does not end in .skops."""
    if to.suffix != ".skops":
        raise LearnedError(
            f"{to}：训练成果应以 .skops 结尾；请改名，如 {to.stem or 'susceptibility'}.skops",
            f"{to}: an artefact ends in .skops; name it like {to.stem or 'susceptibility'}.skops",
        )


def artefact_path(to: Path, workspace: Path | None) -> Path:
    """Return where an artefact goes: a bare name into models/ of the workspace that is meant, if it is one."""
    root = workspace_dir(workspace)
    if to.parent == Path() and (root / WORKSPACE_FILE).is_file():
        return root / "models" / to.name
    return to


def artefact_of(training: Training) -> bytes:
    """Return the bytes of the chosen model's artefact; the same for the same training."""
    inventory = training.table.inventory
    return dump_learned(
        training.pipeline,
        model=training.chosen,
        table=inventory.values,
        predictors=inventory.predictors,
        categories=inventory.categories,
        crs=training.table.crs,
        area=inventory.area,
        sample_share=inventory.share,
        prevalence=training.prevalence,
    )


def repeats_for(rows: int) -> int:
    """Return how often the folds are cut anew: large tables vary less and take longer."""
    return next((times for limit, times in _REPEATS if rows <= limit), _FEWEST_REPEATS)


def _check(model: str | None, prevalence: float | None, repeats: int | None) -> None:
    if model is not None and model not in MODELS:
        raise LearnedError(
            f"没有模型 {model!r}；可选 {'、'.join(MODELS)}",
            f"no model {model!r}; choose one of {', '.join(MODELS)}",
        )
    if prevalence is not None and not 0.0 < prevalence < 1.0:
        raise LearnedError(
            f"{option('prevalence')} {prevalence:g} 应在 0 与 1 之间，如 0.02 表示 2%",
            f"{option('prevalence', 'en')} {prevalence:g} must lie between 0 and 1; .02 means 2 %",
        )
    if repeats is not None and repeats < 1:
        raise LearnedError(
            f"{option('repeats')} {repeats} 应至少为 1",
            f"{option('repeats', 'en')} {repeats} must be at least 1",
        )


class _Steps:
    """Counts the repeats that are done and passes the share on."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self) -> None:
        self._done += 1
        self._progress.step(self._done, self._total, _VALIDATING)


def _other_folds(inventory: TrainingData, folds: FoldKind, *, repeats: int, seed: int) -> Folds | None:
    """Return the folds to compare with; None where the outcomes lie apart and blocks cannot be made."""
    try:
        return make_folds(
            inventory, "random" if folds == "spatial" else "spatial", repeats=repeats, seed=seed
        )
    except LearnedError:
        return None


def _fit_all(model: str, inventory: TrainingData, seed: int) -> tuple[Any, float]:
    everything: Bools = np.ones(len(inventory), dtype=np.bool_)
    with quietly(len(inventory)):
        pipeline = fitted(model, inventory, everything, seed=seed)
        if model == "random_forest":
            pipeline.named_steps["model"].set_params(
                n_jobs=None
            )  # predictions come from many threads already
        return pipeline, auroc(inventory.occurred, probability(pipeline, inventory.values))


def _fewer_repeats(times: int, rows: int) -> Diagnostic:
    return remark(
        "fewer_repeats",
        f"样本 {rows} 行，分折重复 {times} 次（可用 {option('repeats')} 增加），区间由这些重复得出",
        f"{rows} rows: the folds were cut {times} times ({option('repeats', 'en')} for more), the intervals "
        "come from these repeats",
    )


def _card(training: Training, digest: str, file: str, at: datetime) -> Card:
    import sklearn  # noqa: PLC0415 - heavy

    table = training.table
    return Card(
        file=file,
        digest=digest,
        model=training.chosen,
        trained_at=at.isoformat(timespec="seconds"),
        data=table.file,
        data_digest=table.digest,
        rows=table.rows,
        inventory=table.inventory,
        positive=table.positive,
        units=table.units,
        crs=table.crs,
        prevalence=training.prevalence,
        folds=training.folds,
        validation=training.best,
        random=_of(training.other, training.chosen) if training.folds.kind == "spatial" else None,
        in_sample=training.in_sample[training.chosen],
        seed=training.seed,
        libraries={"numpy": np.__version__, "scikit-learn": sklearn.__version__},
        remarks=training.remarks,
        words=table.words,
    )


def _of(validations: Sequence[Validation], model: str) -> Validation | None:
    return next((v for v in validations if v.model == model), None)


def training_json(training: Training) -> Document:
    """Return the comparison as plain values, models in the order of `MODELS`.

    `auroc_mean` is the mean over repeats of the mean over folds; `auroc_low` and `auroc_high` are the 2.5
    and 97.5 percentiles of the repeats' means: how much depends on where the blocks are cut, not how
    another inventory of the same land would score. `auroc_worst_fold` is the lowest of all folds.
    """
    table, inventory, folds = training.table, training.table.inventory, training.folds
    other = training.others.kind if training.others is not None else None
    return {
        "folds": folds.kind,
        "models": [_model_json(v, training) for v in training.main],
        "warnings": [str(r.say) for r in training.remarks],
        "best": training.best.model,
        "interval": f"{INTERVAL[0]:g}-{INTERVAL[1]:g} percentiles of the means of {folds.repeats} repeats",
        "resampling": {
            "folds": training.best.auroc.shape[1],
            "repeats": folds.repeats,
            "redrawn": folds.redrawn,
            "merged": folds.merged,
            "seed": training.seed,
        },
        "comparison": None
        if other is None or training.others is None
        else {
            "folds": other,
            "repeats": training.others.repeats,
            "optimistic": "random",
            "models": [_scores(v) for v in training.other],
        },
        "data": {
            "file": table.file,
            "sha256": table.digest,
            "rows": table.rows,
            "used": len(inventory),
            "without_target": table.without_target,
            "without_place": table.without_place,
            "occurrences": int(inventory.occurred.sum()),
            "positive": table.positive,
            "negative": table.negative,
            "sample_share": inventory.share,
            "crs": table.crs,
            "area": list(inventory.area),
        },
        "prior": {
            "sample_share": inventory.share,
            "prevalence": training.prevalence,
            "corrected": training.prevalence is not None,
        },
        "predictors": [
            {
                "name": name,
                "kind": inventory.kinds[i],
                "unit": table.units.get(name, ""),
                "min": float(np.nanmin(inventory.values[:, i])),
                "max": float(np.nanmax(inventory.values[:, i])),
                "missing": int(np.isnan(inventory.values[:, i]).sum()),
                **({"words": list(table.words[name])} if name in table.words else {}),
            }
            for i, name in enumerate(inventory.predictors)
        ],
        "left_out": table.left_out,
        "calibration": [asdict(b) for b in training.bins],
        "importance": [asdict(i) for i in training.importance],
        "partial_dependence": [asdict(d) for d in training.dependence],
        "remarks": [
            {"rule": r.rule, "fields": list(r.fields), "zh": r.say.zh, "en": r.say.en}
            for r in training.remarks
        ],
    }


def _model_json(validation: Validation, training: Training) -> Document:
    return {
        **_scores(validation),
        "auroc_worst_fold": float(np.nanmin(validation.auroc)),
        "auroc_in_sample": training.in_sample[validation.model],
        **_against(validation, training.other, training.folds.kind),
        "settings": SETTINGS[validation.model],
    }


def _scores(validation: Validation) -> Document:
    low, high = interval(validation.auroc_by_repeat)
    return {
        "model": validation.model,
        "auroc_mean": validation.auroc_mean,
        "auroc_low": low,
        "auroc_high": high,
        "brier_mean": float(validation.brier_by_repeat.mean()),
    }


def _against(validation: Validation, other: Sequence[Validation], kind: str) -> dict[str, float]:
    """Return the model's AUROC in the other kind of folds, and by how much random folds flatter it."""
    match = _of(other, validation.model)
    if match is None:
        return {}
    mine, theirs = validation.auroc_mean, match.auroc_mean
    if kind == "spatial":
        return {"auroc_random_mean": theirs, "optimism": theirs - mine}
    return {"auroc_spatial_mean": theirs, "optimism": mine - theirs}
