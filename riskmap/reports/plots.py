"""Charts for pages and papers that stand alone: described for Vega-Lite, drawn without a browser and a network.

Whatever a chart says comes from files that people wrote: it goes in as data and comes out as text, never as markup
or as an expression. Drawing needs the extra `report` (vl-convert, 34 MB): the program's own pages draw charts in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import altair as alt

from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import replacing
from riskmap.percentages import percentage, percentages
from riskmap.vocabulary import TIER_COLOURS, TIER_TITLES

Plot = alt.TopLevelMixin


_BLUE, _ORANGE, _GREY, _INK, _FAINT = "#1f5fa8", "#c8641b", "#8a8f98", "#22262b", "#5b6573"


_PAPER, _DARK = "#ffffff", 0.6  # on a cell darker than this (0 black, 1 white) a number is white


_WIDTH: Final = 460  # pixels of a chart without its names


_CELL_W, _CELL_H = 112, 52


_CURVE_W, _CURVE_H, _A_ROW = 190, 100, 3


_MOST: Final = 90  # characters of a line; longer ones are cut


_LOOK: Final = {
    "font": "Noto Sans CJK SC, Microsoft YaHei, PingFang SC, SimHei, sans-serif",
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "fontSize": 15,
        "subtitleFontSize": 12,
        "color": _INK,
        "subtitleColor": _FAINT,
    },
    "axis": {
        "labelColor": _INK,
        "titleColor": _FAINT,
        "labelFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#dde1e6",
        "labelLimit": 190,
    },
    "legend": {"labelFontSize": 12, "title": None, "orient": "top", "symbolType": "circle"},
}


@dataclass(frozen=True, slots=True)
class Span:
    """A value with its interval."""

    value: float
    low: float
    high: float


Counts = Mapping[str, Mapping[str, int]]


def svg(plot: Plot) -> str:
    """Return a chart as SVG that needs nothing else. ExportError where the extra `report` is missing."""
    return str(_drawer().vegalite_to_svg(_described(plot), vl_version=_LANGUAGE, allowed_base_urls=[]))


def png(plot: Plot) -> bytes:
    """Return a chart as PNG, two pixels a unit. ExportError as for `svg`."""
    return bytes(
        _drawer().vegalite_to_png(_described(plot), vl_version=_LANGUAGE, scale=2, allowed_base_urls=[])
    )


_LANGUAGE: Final = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _described(plot: Plot) -> dict[str, Any]:
    return plot.to_dict() | {"config": _LOOK, "background": _PAPER}


def _drawer() -> Any:
    try:
        import vl_convert  # noqa: PLC0415 - an extra
    except ImportError as problem:
        raise ExportError(
            "图表需要附加组件；请运行 pip install 'riskmap[report]'",
            "charts need an extra; run pip install 'riskmap[report]'",
        ) from problem
    return vl_convert


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    return alt.Data(values=list(rows))


def compared(
    names: Sequence[str],
    first: Sequence[Span],
    second: Sequence[Span] | None,
    *,
    title: str,
    words: tuple[str, str],
) -> Plot:
    """Return two values with intervals for each name on one axis; `words` name the two series."""
    rows = [
        {"name": _line(name), "series": word, "value": span.value, "low": span.low, "high": span.high}
        for word, spans in zip(words, (first, second), strict=True)
        for name, span in zip(names, spans or (), strict=bool(spans))
    ]
    least = min(0.5, *(row["low"] for row in rows)) - 0.01
    most = max(*(row["high"] for row in rows), least + 0.1) + 0.01
    axis = alt.X(
        "low:Q", title=None, scale=alt.Scale(domain=[least, most], nice=False), axis=alt.Axis(format=".2f")
    )
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(grid=False, ticks=False, domain=False)),
        yOffset=alt.YOffset("series:N", sort=None),
        color=alt.Color(
            "series:N",
            sort=None,
            scale=alt.Scale(domain=list(words[: 2 if second else 1]), range=[_BLUE, _ORANGE]),
        ),
    )
    return alt.layer(
        base.mark_rule(strokeWidth=3).encode(x=axis, x2="high:Q"),
        base.mark_circle(size=90, opacity=1).encode(x="value:Q"),
    ).properties(width=_WIDTH, height=alt.Step(17), title=_line(title), description=_line(title))


def bars(names: Sequence[str], spans: Sequence[Span], *, title: str) -> Plot:
    """Return a bar from zero for each name, with its interval as a thin line and its value as text."""
    rows = [
        {
            "name": _line(name),
            "value": span.value,
            "low": span.low,
            "high": span.high,
            "told": f"{span.value:+.3f}",
        }
        for name, span in zip(names, spans, strict=True)
    ]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False))
    )
    number = alt.X("value:Q", title=None, axis=alt.Axis(format=".2f", tickCount=6))
    return alt.layer(
        base.mark_bar(color=_BLUE, opacity=0.75, height=14).encode(x=number),
        base.mark_rule(color=_INK).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="left", dx=8, color=_INK).encode(x="high:Q", text="told:N"),
    ).properties(width=_WIDTH, height=alt.Step(26), title=_line(title), description=_line(title))


def reliability(points: Sequence[tuple[float, float, int]], *, title: str, axes: tuple[str, str]) -> Plot:
    """Return observed shares against predicted ones; on the dashed diagonal they agree. Points: x, y, rows."""
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("x:Q", title=axes[0], scale=unit, axis=alt.Axis(tickCount=5))
    y = alt.Y("y:Q", title=axes[1], scale=unit, axis=alt.Axis(tickCount=5))
    found = alt.Chart(_data([{"x": a, "y": b, "rows": n} for a, b, n in points])).encode(x=x, y=y)
    return alt.layer(
        alt.Chart(_data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(color=_GREY, strokeDash=[5, 4])
        .encode(x=x, y=y),
        found.mark_line(color=_BLUE, strokeWidth=2).encode(order="x:Q"),
        found.mark_circle(color=_BLUE, size=60, opacity=1),
    ).properties(width=280, height=280, title=_line(title), description=_line(title))


def curves(drawn: Sequence[tuple[str, Sequence[float], Sequence[float]]], *, top: float = 1.0) -> Plot:
    """Return a small curve for each (name, x, y), y from 0 to `top`."""
    return alt.concat(
        *(
            alt.Chart(_data([{"x": x, "y": min(y, top)} for x, y in zip(xs, ys, strict=True)]))
            .mark_line(color=_BLUE, strokeWidth=2, point=alt.OverlayMarkDef(color=_BLUE, size=12))
            .encode(
                x=alt.X(
                    "x:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=3, grid=False)
                ),
                y=alt.Y(
                    "y:Q",
                    title=None,
                    scale=alt.Scale(domain=[0, top], nice=False),
                    axis=alt.Axis(tickCount=2),
                ),
            )
            .properties(
                width=_CURVE_W,
                height=_CURVE_H,
                title=alt.Title(_line(name, 26), fontSize=12, fontWeight="normal"),
            )
            for name, xs, ys in drawn
        ),
        columns=_A_ROW,
    )


def migration(counts: Counts, *, title: Text, before: str, after: str, note: Text, lang: Lang = "zh") -> Plot:
    """Return the matrix as a heat table: rows are the tiers before, columns the tiers after, worst first.

    `counts` tier → tier → points, in the order to draw. Points that kept their tier stand on the
    diagonal; a cell is the darker the larger its share of its row.
    """
    tiers = list(counts)
    total = sum(sum(row.values()) for row in counts.values())
    moved = total - sum(counts[tier][tier] for tier in tiers)
    whole = "合计" if lang == "zh" else "Total"
    named = {tier: TIER_TITLES[tier].text(lang) for tier in tiers}
    cells = [
        _cell(
            named[a],
            named[b],
            counts[a][b],
            sum(counts[a].values()),
            told,
            colour=_FAINT if a == b else TIER_COLOURS[b],
        )
        for a in tiers
        for b, told in zip(tiers, percentages([counts[a][b] for b in tiers], digits=1), strict=True)
    ]
    cells += [_sum(named[a], whole, sum(counts[a].values())) for a in tiers]
    cells += [_sum(whole, named[b], sum(counts[a][b] for a in tiers)) for b in tiers]
    cells.append(_sum(whole, whole, total))
    order = [*named.values(), whole]
    look: dict[str, Any] = {
        "ticks": False,
        "domain": False,
        "labelFontSize": 14,
        "labelAngle": 0,
        "titleAlign": "left",
    }
    down, across = ("之前 ↓ ", "现在 → ") if lang == "zh" else ("before ↓ ", "after → ")
    base = alt.Chart(_data(cells)).encode(
        x=alt.X(
            "to:N",
            sort=order,
            title=across + _line(after, 60),
            axis=alt.Axis(**look, orient="top", titleAnchor="start"),
        ),
        y=alt.Y(
            "of:N",
            sort=order,
            title=down + _line(before, 40),
            axis=alt.Axis(**look, titleAngle=0, titleAnchor="start", titleX=-80, titleY=-34),
        ),
    )
    number = base.transform_filter("datum.count > 0 || datum.sum")
    return alt.layer(
        base.mark_rect(stroke="#d5dae1").encode(color=alt.Color("fill:N", scale=None)),
        number.mark_text(dy=-6, fontSize=15).encode(
            text=alt.Text("count:Q", format=","), color=alt.Color("ink:N", scale=None)
        ),
        number.mark_text(dy=13, fontSize=11).encode(text="told:N", color=alt.Color("ink:N", scale=None)),
    ).properties(
        width=_CELL_W * len(order),
        height=_CELL_H * len(order),
        title=alt.Title(
            _line(title.zh),
            subtitle=[_line(title.en), _summary(moved, total, lang), _line(note.text(lang)), ""],
            fontSize=20,
            offset=18,
        ),
        description=f"{_line(title.zh)} · {_line(title.en)}",
    )


def _cell(of: str, to: str, count: int, row: int, told: str, *, colour: str) -> dict[str, Any]:
    share = count / row if row else 0.0
    fill, light = _blended(colour, 0.14 + 0.75 * share if count else 0.0)
    return {
        "of": of,
        "to": to,
        "count": count,
        "told": told,
        "fill": fill,
        "ink": _INK if light > _DARK else _PAPER,
        "sum": False,
    }


def _sum(of: str, to: str, count: int) -> dict[str, Any]:
    return {"of": of, "to": to, "count": count, "told": "", "fill": _PAPER, "ink": _INK, "sum": True}


def _blended(colour: str, share: float) -> tuple[str, float]:
    """Return a colour on white paper, `share` of it, and how light it is (0 black, 1 white; ITU-R BT.601)."""
    parts = [round(255 + (int(colour[i : i + 2], 16) - 255) * share) for i in (1, 3, 5)]
    return "#{:02x}{:02x}{:02x}".format(*parts), sum(
        w * p for w, p in zip((0.299, 0.587, 0.114), parts, strict=True)
    ) / 255


def _summary(moved: int, total: int, lang: Lang) -> str:
    share = percentage(moved, total, digits=1)
    if lang == "zh":
        return f"同一批记录 {total:,} 条，等级变化 {moved:,} 条（{share}）"
    return f"{total:,} records on both sides, {moved:,} changed their tier ({share})"


def _line(words: str, most: int = _MOST) -> str:
    """Return words as XML may hold them, on one line, shortened."""
    plain = "".join(c if c.isprintable() else " " for c in words)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def write_picture(path: Path, plot: Plot, *, title: str, lang: Lang = "zh") -> None:
    """Write a chart as .svg, .html or .png, whole or not at all. ExportError for any other ending."""
    ending = path.suffix.lower()
    if ending not in {".svg", ".html", ".png"}:
        raise ExportError(
            f"{path.name}：图片只支持 .svg、.html 和 .png；请改文件名",
            f"{path.name}: pictures are .svg, .html or .png; change the name",
        )
    if ending == ".png":
        content = png(plot)
    else:
        content = svg(plot).encode()
        if ending == ".html":
            head = f'<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<meta charset="utf-8">'
            head += f"\n<title>{escape(_line(title))}</title>"
            content = (
                f'<!doctype html>\n{head}\n<body style="margin:0">\n{svg(plot)}\n</body>\n</html>\n'.encode()
            )
    with replacing(path) as (part,):
        part.write_bytes(content)
