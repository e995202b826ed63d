"""What `riskmap train` says to a person: the table of models, and what must be known beside it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from riskmap.assess.learned.models import TITLES
from riskmap.assess.learned.validation import Validation, interval
from riskmap.errors import Lang, Say
from riskmap.usecases.training import Training

_KINDS = {"spatial": Say("空间分块", "spatial blocks"), "random": Say("随机分折", "random folds")}


def comparison_lines(training: Training, lang: Lang) -> list[str]:
    """Return the lines of the human report, in one language."""
    table, inventory, folds = training.table, training.table.inventory, training.folds
    kind = _KINDS[folds.kind].text(lang)
    present = int(inventory.occurred.sum())
    zh = lang == "zh"
    count = training.best.auroc.shape[1]
    lines = [
        f"{table.file}：{table.rows} 行，使用 {len(inventory)} 行，发生（{table.positive}）{present} 行；"
        f"因子 {len(inventory.predictors)} 个"
        if zh
        else f"{table.file}: {table.rows} rows, {len(inventory)} used, {present} occurrences ({table.positive}); "
        f"{len(inventory.predictors)} predictors",
        f"{kind}：{count} 折 × {folds.repeats} 次；区间为各次均值的 2.5%–97.5%"
        if zh
        else f"{kind}: {count} folds × {folds.repeats} repeats; interval: 2.5–97.5 % of the repeats' means",
        "",
        *_grid([_heading(training, lang), *(_row(v, training, lang) for v in training.main)]),
        "",
    ]
    weights = "、".join(f"{i.predictor} {i.drop:+.3f}" for i in training.importance)
    best = TITLES[training.best.model].text(lang)
    lines += [
        f"得分最高：{best}。因子重要性（打乱后 AUROC 下降）：{weights}"
        if zh and training.chosen == _highest(training)
        else f"选用：{best}。因子重要性（打乱后 AUROC 下降）：{weights}"
        if zh
        else f"kept: {best}. Weight of predictors (drop of AUROC when shuffled): {weights.replace('、', ', ')}",
        "",
        *(f"{'注意' if zh else 'note'}  {r.say.text(lang)}" for r in training.remarks),
    ]
    return lines


def _highest(training: Training) -> str:
    return max(training.main, key=lambda v: v.auroc_mean).model


def _heading(training: Training, lang: Lang) -> list[str]:
    other = training.others.kind if training.others is not None else None
    heads = [
        Say("模型", "model").text(lang),
        "AUROC",
        Say("区间", "interval").text(lang),
        "Brier",
        Say("最差一折", "worst fold").text(lang),
    ]
    if other is not None:
        note = Say("（偏乐观）", " (flatters)").text(lang) if other == "random" else ""
        heads += [_KINDS[other].text(lang) + note, Say("随机−空间", "random − spatial").text(lang)]
    return [*heads, Say("样本内", "in sample").text(lang)]


def _row(validation: Validation, training: Training, lang: Lang) -> list[str]:
    low, high = interval(validation.auroc_by_repeat)
    mean = validation.auroc_mean
    row = [
        TITLES[validation.model].text(lang),
        f"{mean:.3f}",
        f"{low:.3f}–{high:.3f}",
        f"{validation.brier_by_repeat.mean():.3f}",
        f"{min(v for v in validation.auroc.ravel().tolist() if v == v):.3f}",  # noqa: PLR0124 - not NaN
    ]
    for other in training.other:
        if other.model == validation.model:
            theirs = other.auroc_mean
            gap = theirs - mean if training.folds.kind == "spatial" else mean - theirs
            row += [f"{theirs:.3f}", f"{gap:+.3f}"]
    return [*row, f"{training.in_sample[validation.model]:.3f}"]


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
