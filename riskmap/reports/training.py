"""One page about a training: scores, calibration, weights, shapes. It stands alone and runs nothing.

What `riskmap train` says to a person: the table of models, and what must be known beside it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import replacing
from riskmap.percentages import percentage
from riskmap.reports.plots import Plot, Span, bars, compared, curves, reliability, svg
from riskmap.scoring.learned.algorithms import SETTINGS, TITLES
from riskmap.scoring.learned.diagnostics import LIMITS
from riskmap.scoring.learned.validation import Training, Validation, interval

_KINDS = {"spatial": Text("空间分块", "spatial blocks"), "random": Text("随机分折", "random folds")}


_STYLE = (
    "body{font:15px/1.6 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;color:#22262b;max-width:900px;"
    "margin:2rem auto;padding:0 1rem}h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #dde1e6}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;border-bottom:1px solid #dde1e6;text-align:right}"
    "th:first-child,td:first-child,th:last-child,td:last-child{text-align:left}td{white-space:nowrap}td:last-child{white-space:normal}"
    ".note{background:#fff6e5;border-left:4px solid #c8641b;padding:.5rem 1rem}"
    "svg{max-width:100%;height:auto}small{color:#5b626c}"
)


def write_report(training: Training, path: Path, *, at: datetime, lang: Lang) -> Path:
    """Write the page to `path`. ExportError where it cannot be written."""
    page = report_html(training, at=at, lang=lang)
    with replacing(path) as (file,):
        file.write_text(page, encoding="utf-8")
    return path


def report_html(training: Training, *, at: datetime, lang: Lang) -> str:
    """Return the page as HTML in one language; names from the table appear as text only."""
    head = Text("易发性模型训练报告", "Susceptibility training").text(lang)
    body = "".join(
        (
            f"<h1>{escape(head)}</h1>",
            _about(training, at, lang),
            _notes(training, lang),
            _section(
                Text("模型比较", "Models compared"), _scores(training, lang) + _table(training, lang), lang
            ),
            _section(
                Text("校准（留出样本）", "Calibration (held-out rows)"), _calibration(training, lang), lang
            ),
            _section(
                Text(
                    "因子重要性：留出区块内打乱后 AUROC 的下降",
                    "Weight: drop of AUROC when shuffled in held-out blocks",
                ),
                _drawn(
                    bars(
                        [i.predictor for i in training.importance],
                        [Span(i.drop, i.low, i.high) for i in training.importance],
                        title=Text("因子重要性", "weight of predictors").text(lang),
                    ),
                    lang,
                ),
                lang,
            ),
            _section(
                Text("因子作用（其余因子不变）", "Shape of each predictor, the others as they are"),
                _shapes(training, lang),
                lang,
            ),
            _section(Text("使用限制", "Limits of use"), _list(LIMITS), lang),
        )
    )
    return (
        f'<!DOCTYPE html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f"<title>{escape(head)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _drawn(plot: Plot, lang: Lang) -> str:
    """Return a chart for the page, or what there is to install for it: the numbers of the page stand without it."""
    try:
        return svg(plot)
    except ExportError as problem:
        return f"<p><small>{escape(problem.text(lang))}</small></p>"


def _about(training: Training, at: datetime, lang: Lang) -> str:
    table, inventory = training.table, training.table.inventory
    present = int(inventory.occurred.sum())
    return (
        "<p>"
        + escape(
            Text(
                f"数据 {table.file}（SHA-256 {table.digest[:16]}…），{table.rows} 行，使用 {len(inventory)} 行，"
                f"其中发生（{table.positive}）{present} 行；坐标系 {table.crs}；训练时间 {at:%Y-%m-%d %H:%M}。",
                f"Data {table.file} (SHA-256 {table.digest[:16]}…), {table.rows} rows, {len(inventory)} used, "
                f"{present} occurrences ({table.positive}); coordinates {table.crs}; trained {at:%Y-%m-%d %H:%M}.",
            ).text(lang)
        )
        + "</p>"
    )


def _notes(training: Training, lang: Lang) -> str:
    return (
        f'<div class="note">{_list([r.say.text(lang) for r in training.remarks])}</div>'
        if training.remarks
        else ""
    )


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _section(title: Text, body: str, lang: Lang) -> str:
    return f"<h2>{escape(title.text(lang))}</h2>{body}"


def _span(validation: Validation) -> Span:
    low, high = interval(validation.auroc_by_repeat)
    return Span(validation.auroc_mean, low, high)


def _scores(training: Training, lang: Lang) -> str:
    names = [TITLES[v.model].text(lang) for v in training.main]
    other = training.others.kind if training.others is not None else "random"
    plot = compared(
        names,
        [_span(v) for v in training.main],
        [_span(v) for v in training.other] or None,
        title=Text("各模型 AUROC", "AUROC of the models").text(lang),
        words=(_KINDS[training.folds.kind].text(lang), _KINDS[other].text(lang)),
    )
    return _drawn(plot, lang)


def _table(training: Training, lang: Lang) -> str:
    heads = Text(
        "模型|AUROC|2.5%–97.5%|Brier|样本内 AUROC|设置",
        "model|AUROC|2.5–97.5 %|Brier|in-sample AUROC|settings",
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                TITLES[v.model].text(lang),
                f"{_span(v).value:.3f}",
                f"{_span(v).low:.3f}–{_span(v).high:.3f}",
                f"{v.brier_by_repeat.mean():.3f}",
                f"{training.in_sample[v.model]:.3f}",
                SETTINGS[v.model],
            )
        )
        + "</tr>"
        for v in training.main
    )
    titles = "".join(f"<th>{escape(h)}</th>" for h in heads.text(lang).split("|"))
    count = training.best.auroc.shape[1]
    note = Text(
        f"{_KINDS[training.folds.kind].zh}：{count} 折 × {training.folds.repeats} 次；"
        f"区间反映分块位置的影响，不是换一批样本的不确定性。",
        f"{_KINDS[training.folds.kind].en}: {count} folds × {training.folds.repeats} repeats; the interval shows "
        "how much depends on where blocks are cut, not what another inventory would give.",
    ).text(lang)
    return f"<table><tr>{titles}</tr>{rows}</table><p><small>{escape(note)}</small></p>"


def _calibration(training: Training, lang: Lang) -> str:
    picture = reliability(
        [(b.predicted, b.observed, b.count) for b in training.bins],
        title=Text("校准曲线", "calibration curve").text(lang),
        axes=(Text("预测概率", "predicted").text(lang), Text("实际比例", "observed").text(lang)),
    )
    share = percentage(training.table.inventory.share, digits=1)
    note = Text(
        f"{TITLES[training.chosen].zh}；样本中发生占 {share}，图中概率未作先验校正。",
        f"{TITLES[training.chosen].en}; {share} of the sample are occurrences, probabilities here are not prior-corrected.",
    ).text(lang)
    return f"{_drawn(picture, lang)}<p><small>{escape(note)}</small></p>"


def _shapes(training: Training, lang: Lang) -> str:
    if not training.dependence:
        return ""
    top = max(max(d.probability) for d in training.dependence) * 1.1 or 1.0
    plot = curves([(d.predictor, d.values, d.probability) for d in training.dependence], top=min(1.0, top))
    return _drawn(plot, lang)


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
        Text("模型", "model").text(lang),
        "AUROC",
        Text("区间", "interval").text(lang),
        "Brier",
        Text("最差一折", "worst fold").text(lang),
    ]
    if other is not None:
        note = Text("（偏乐观）", " (flatters)").text(lang) if other == "random" else ""
        heads += [_KINDS[other].text(lang) + note, Text("随机−空间", "random − spatial").text(lang)]
    return [*heads, Text("样本内", "in sample").text(lang)]


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
