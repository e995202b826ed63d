"""The document of `riskmap train --json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from riskmap.json_documents import Document
from riskmap.scoring.learned.algorithms import SETTINGS
from riskmap.scoring.learned.validation import INTERVAL, Training, Validation, interval


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
    match = next((v for v in other if v.model == validation.model), None)
    if match is None:
        return {}
    mine, theirs = validation.auroc_mean, match.auroc_mean
    if kind == "spatial":
        return {"auroc_random_mean": theirs, "optimism": theirs - mine}
    return {"auroc_spatial_mean": theirs, "optimism": mine - theirs}
