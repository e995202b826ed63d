"""The model card: what a trained file is, from what it comes, how good it is and where it ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from riskmap.assess.learned.folds import Folds
from riskmap.assess.learned.inventory import Inventory, known
from riskmap.assess.learned.models import SETTINGS, TITLES
from riskmap.assess.learned.remarks import Remark
from riskmap.assess.learned.validation import Validation, interval

LIMITS = (
    "仅供排查排序参考，不是法定等级，不替代现场核查 / ranks places for inspection; no statutory tier, no substitute for a visit",
    "因子缺失或超出训练范围时结果为未知，不视为安全 / a missing predictor or one outside its range gives unknown, never safe",
    "只在下列范围与因子口径内有效，换区须重新训练 / valid in the area and for the definitions below; train again elsewhere",
    "模型由同一批分折上的最高分选出，分数略偏乐观 / chosen by the highest score in these folds, which flatters a little",
)


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """The facts of one artefact; digests are SHA-256 in hex, `rows` those of the file."""

    file: str
    digest: str
    model: str
    trained_at: str
    data: str
    data_digest: str
    rows: int
    inventory: Inventory
    positive: str
    units: Mapping[str, str]
    crs: str
    prevalence: float | None
    folds: Folds
    validation: Validation
    random: Validation | None
    in_sample: float
    seed: int
    libraries: Mapping[str, str]
    remarks: tuple[Remark, ...]


def card_text(card: Card) -> str:
    """Return the card as TOML, in UTF-8, for people and for a scoring model that names the artefact."""
    inventory, scores = card.inventory, card.validation.auroc_by_repeat
    low, high = interval(scores)
    west, south, east, north = inventory.area
    lines = [
        "# 模型卡 / model card",
        _line("file", card.file),
        _line("digest", card.digest),
        _line("kind", "susceptibility"),
        _line("model", card.model),
        _line("title", str(TITLES[card.model])),
        _line("settings", SETTINGS[card.model]),
        _line("status", "draft"),
        _line("trained_at", card.trained_at),
        _line("seed", card.seed),
        _list("limits_of_use", LIMITS),
        _list("remarks", [str(r.say) for r in card.remarks]),
        "",
        "[data]",
        _line("file", card.data),
        _line("digest", card.data_digest),
        _line("rows", card.rows),
        _line("rows_used", len(inventory)),
        _line("occurrences", int(inventory.occurred.sum())),
        _line("positive", card.positive),
        _line("crs", card.crs),
        f"area = [{west:.6f}, {south:.6f}, {east:.6f}, {north:.6f}]  # west, south, east, north; CGCS2000 degrees",
        "",
        "[prior]",
        _line("sample_share", round(inventory.share, 6)),
        *([_line("prevalence", card.prevalence)] if card.prevalence is not None else []),
        _line("corrected", card.prevalence is not None),
        "",
        "[scores]",
        _line("folds", card.folds.kind),
        _line("repeats", card.folds.repeats),
        _line("folds_per_repeat", card.validation.auroc.shape[1]),
        _line("auroc_mean", round(float(scores.mean()), 4)),
        _line("auroc_low", round(low, 4)) + "  # 2.5 % over the repeats",
        _line("auroc_high", round(high, 4)) + "  # 97.5 %",
        _line("brier_mean", round(float(card.validation.brier_by_repeat.mean()), 4)),
        *(
            [_line("auroc_random_folds", round(card.random.auroc_mean, 4)) + "  # optimistic"]
            if card.random is not None
            else []
        ),
        _line("auroc_in_sample", round(card.in_sample, 4)) + "  # says nothing about quality",
        "",
        "[libraries]",
        *(_line(name, version) for name, version in card.libraries.items()),
    ]
    for i, name in enumerate(inventory.predictors):
        column = inventory.values[:, i]
        lines += [
            "",
            "[[predictors]]",
            _line("name", name),
            _line("kind", inventory.kinds[i]),
            _line("unit", card.units.get(name, ""))
            + ("" if card.units.get(name) else "  # as in the training table"),
            _line("min", float(np.nanmin(column))),
            _line("max", float(np.nanmax(column))),
            _line("missing", int(np.isnan(column).sum())),
        ]
        if inventory.kinds[i] == "code":
            lines.append(f"codes = {json.dumps(known(column).tolist())}")
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    # A JSON string, number or boolean is a TOML one too; TOML wants DEL escaped, JSON does not.
    return f"{json.dumps(key)} = {_toml(value)}" if "-" in key else f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key} = [\n" + "".join(f"  {_toml(v)},\n" for v in values) + "]"
