"""The model card: what a trained file is, from what it comes, how good it is and where it ends.

What a reader must know before believing a score: flattery, few rows, balanced samples (leaks: `leakage`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmap.interface import option
from riskmap.percentages import percentage
from riskmap.rules.arrays import known
from riskmap.scoring.learned.algorithms import SETTINGS, TITLES
from riskmap.scoring.learned.leakage import LEAKAGE
from riskmap.scoring.learned.training_data import Folds, TrainingData
from riskmap.scoring.learned.validation import Validation, interval
from riskmap.values.assessment import Diagnostic, remark

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
    inventory: TrainingData
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
    remarks: tuple[Diagnostic, ...]
    words: Mapping[str, Sequence[str]]


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
        _list("leakage", [name for r in card.remarks if r.rule == LEAKAGE for name in r.fields]),
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
        if inventory.kinds[i] in {"code", "rate"}:
            lines.append(f"codes = {json.dumps(known(column).tolist())}")
        if words := card.words.get(name):
            lines.append(_list("words", words) + "  # of the codes 1, 2, …")
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    # A JSON string, number or boolean is a TOML one too; TOML wants DEL escaped, JSON does not.
    return f"{json.dumps(key)} = {_toml(value)}" if "-" in key else f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key} = [\n" + "".join(f"  {_toml(v)},\n" for v in values) + "]"


TOO_GOOD: Final = 0.98  # AUROC of a whole model


_FEW: Final = 50  # rows of the rarer outcome


_A_PREDICTOR: Final = 10  # rows of the rarer outcome for each predictor


_MANY_GAPS: Final = 0.4


_BALANCED: Final = (0.4, 0.6)


_CHANCE: Final = 0.5


_POOR: Final = 0.6


_CODE_VALUES: Final = (3, 12)  # distinct whole numbers that look like codes


def of_inventory(inventory: TrainingData, *, prevalence: float | None) -> list[Diagnostic]:
    """Return what the table itself gives reason to say, before any model is fitted."""
    found = _sizes(inventory) + _gaps(inventory) + _codes(inventory)
    share = inventory.share
    if prevalence is None:
        told = percentage(share, digits=1)
        balanced = _BALANCED[0] <= share <= _BALANCED[1]
        zh = "样本按两类各半左右抽取" if balanced else "样本中发生的比例不一定等于实际比例"
        en = "the sample is balanced" if balanced else "the sample's share need not be the true one"
        found.append(
            remark(
                "sample_share",
                f"{zh}（发生占 {told}）：概率只能用来排序，不是实际发生频率；知道实际比例时请用 {option('prevalence')} 校正",
                f"{en} ({told} occurrences): probabilities rank places and are not frequencies; where the true share "
                f"is known, correct with {option('prevalence', 'en')}",
            )
        )
    return found


def of_scores(
    main: Sequence[Validation], other: Sequence[Validation], folds: Folds, others: Folds | None
) -> list[Diagnostic]:
    """Return what the scores give reason to say. `main` in `folds`; `other` in the other kind of folds."""
    found: list[Diagnostic] = []
    best = max(main, key=lambda v: v.auroc_mean)
    reached = best.auroc_mean
    if folds.kind == "random":
        found.append(
            remark(
                "random_folds",
                f"随机分折的结果偏乐观：相邻样本同时出现在训练与检验中；请以 {option('folds')} spatial 的结果为准"
                + _gap(other, main, "zh"),
                "random folds flatter and are optimistic: neighbours train and test each other; rely on "
                f"{option('folds', 'en')} spatial" + _gap(other, main, "en"),
            )
        )
    elif others is not None:
        zh, en = _gap(main, other, "zh"), _gap(main, other, "en")
        flatters = np.mean([r.auroc_mean - s.auroc_mean for s, r in zip(main, other, strict=True)]) > 0
        found.append(
            remark(
                "random_optimistic",
                f"随机分折的结果偏乐观，仅供对照{zh}",
                f"random folds are optimistic and shown for comparison only{en}",
            )
            if flatters
            else remark(
                "random_no_better",
                f"随机分折在这里并不更高{zh}，样本可能太少或因子与位置无关；仍以空间分块为准",
                f"random folds score no higher here{en}: few rows, or predictors that do not tell places; rely on the blocks",
            )
        )
    if folds.redrawn or folds.merged:
        found.append(
            remark(
                "folds_redrawn",
                f"有的分块只含一类样本：重新划分 {folds.redrawn} 次，与相邻块合并 {folds.merged} 次",
                f"some blocks held one class only: partitions drawn again {folds.redrawn} times, blocks merged "
                f"{folds.merged} times",
            )
        )
    if reached >= TOO_GOOD:
        found.append(
            remark(
                "too_good",
                f"最好的模型 AUROC 达 {reached:.3f}，对易发性而言高得可疑；请检查是否有泄漏或样本取自不可比的地方",
                f"the best model reaches an AUROC of {reached:.3f}, suspiciously high for susceptibility; look for leakage, or "
                "for absences taken from places that cannot be compared",
            )
        )
    elif reached < _POOR:
        worse = "不优于随机猜测" if reached <= _CHANCE else "很弱"
        worse_en = "no better than chance" if reached <= _CHANCE else "weak"
        found.append(
            remark(
                "weak",
                f"最好的模型 AUROC 仅 {reached:.3f}，{worse}；不宜用于分级",
                f"the best model reaches an AUROC of only {reached:.3f}, {worse_en}; not fit for tiers",
            )
        )
    return found


def _gap(spatial: Sequence[Validation], random: Sequence[Validation], lang: str) -> str:
    if not spatial or not random:
        return ""
    gaps = [r.auroc_mean - s.auroc_mean for s, r in zip(spatial, random, strict=True)]
    low, high = min(gaps), max(gaps)
    if lang == "zh":
        return f"（随机减空间的 AUROC 差：{low:+.3f} 至 {high:+.3f}）"
    return f" (AUROC random minus spatial: {low:+.3f} to {high:+.3f})"


def _sizes(inventory: TrainingData) -> list[Diagnostic]:
    rarer, predictors = inventory.rarer, len(inventory.predictors)
    if rarer >= max(_FEW, _A_PREDICTOR * predictors):
        return []
    return [
        remark(
            "few_rows",
            f"较少的一类只有 {rarer} 行，而因子有 {predictors} 个；结果不稳定；"
            f"建议每个因子至少 {_A_PREDICTOR} 行、总数至少 {_FEW} 行",
            f"the rarer class has only {rarer} rows for {predictors} predictors; scores are unstable, at least "
            f"{_A_PREDICTOR} rows a predictor and {_FEW} in all are advisable",
        )
    ]


def _gaps(inventory: TrainingData) -> list[Diagnostic]:
    share = np.isnan(inventory.values).mean(axis=0)
    found = []
    for name, gap in zip(inventory.predictors, share.tolist(), strict=True):
        if gap == 0:
            continue
        rows, told = round(gap * len(inventory)), percentage(gap, digits=1)
        note = "；缺失过多，结论不可靠" if gap > _MANY_GAPS else ""
        note_en = "; too many to rely on" if gap > _MANY_GAPS else ""
        found.append(
            remark(
                "imputed",
                f"因子“{name}”有 {rows} 行缺失（{told}），在各折训练部分内用中位数（类别用众数）补齐；"
                f"预测时缺失仍为未知{note}",
                f'predictor "{name}" is missing in {rows} rows ({told}); imputed inside each fold by the median (codes by '
                f"the commonest); when predicting, missing stays unknown{note_en}",
                name,
            )
        )
    return found


def _codes(inventory: TrainingData) -> list[Diagnostic]:
    found = []
    for i, name in enumerate(inventory.predictors):
        values = known(inventory.values[:, i])
        if inventory.kinds[i] != "number" or not _CODE_VALUES[0] <= len(values) <= _CODE_VALUES[1]:
            continue
        if (values == np.round(values)).all():
            found.append(
                remark(
                    "looks_like_code",
                    f"因子“{name}”只有 {len(values)} 个整数值，像是类别代码，现按数值使用；"
                    f"若大小没有意义，请用 {option('categorical')} 注明",
                    f'predictor "{name}" has only {len(values)} whole values and may be a code; it is used as a number: if its '
                    f"size means nothing, name it in {option('categorical', 'en')}",
                    name,
                )
            )
    return found
