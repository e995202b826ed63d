"""Small pictures as SVG text for pages that must stand alone: no script, no font, no address.

Every text is escaped. Sizes are in pixels; a picture scales with its page.

The migration matrix as a picture: one SVG that needs nothing else, for a report or a slide.

Every text is escaped: titles and versions come from files that people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import replacing
from riskmap.percentages import percentage, percentages
from riskmap.vocabulary import TIER_COLOURS, TIER_TITLES

BLUE: Final = "#1f5fa8"


ORANGE: Final = "#c8641b"


GREY: Final = "#8a8f98"


_INK: Final = "#22262b"


_LABELS: Final = 190.0  # left margin for names


_ROW: Final = 34.0


@dataclass(frozen=True, slots=True)
class Span:
    """A value with its interval."""

    value: float
    low: float
    high: float


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title, quote=True)}" style="max-width:{width:g}px;width:100%">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = _INK, size: int = 13
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(words)}</text>'


def _line(
    start: tuple[float, float], end: tuple[float, float], colour: str, *, width: float = 1.0, dash: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def _dot(x: float, y: float, colour: str, radius: float = 5.0, words: str = "") -> str:
    tip = f"<title>{escape(words)}</title>" if words else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}">{tip}</circle>'


def compared(
    names: Sequence[str],
    first: Sequence[Span],
    second: Sequence[Span] | None,
    *,
    title: str,
    words: tuple[str, str],
) -> str:
    """Draw two values with intervals for each name on one axis; `words` name the two series."""
    spans = [*first, *(second or ())]
    low = min(0.5, *(s.low for s in spans)) - 0.01
    high = max(*(s.high for s in spans), low + 0.1) + 0.01
    width, left, right = 680.0, _LABELS, 650.0
    bottom = 30 + _ROW * len(names)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    parts = [_dot(left, 12, BLUE), _text(left + 10, 16, words[0])]
    if second:
        parts += [_dot(left + 170, 12, ORANGE), _text(left + 180, 16, words[1])]
    for step in range(round(low * 20), round(high * 20) + 1):
        value = step / 20
        if low <= value <= high:
            parts += [
                _line((at(value), 24), (at(value), bottom), "#dde1e6"),
                _text(at(value), bottom + 16, f"{value:.2f}", anchor="middle", size=11),
            ]
    for i, name in enumerate(names):
        y = 40 + _ROW * i
        parts.append(_text(left - 10, y + 6, name, anchor="end"))
        for span, colour, offset in ((first[i], BLUE, 0.0), *(((second[i], ORANGE, 9.0),) if second else ())):
            parts += [
                _line((at(span.low), y + offset), (at(span.high), y + offset), colour, width=3),
                _dot(
                    at(span.value),
                    y + offset,
                    colour,
                    words=f"{span.value:.3f} ({span.low:.3f}–{span.high:.3f})",
                ),
            ]
    return _svg(width, bottom + 24, title, parts)


def bars(names: Sequence[str], spans: Sequence[Span], *, title: str) -> str:
    """Draw a bar from zero for each name, with its interval as a thin line and its value as text."""
    low, high = min(0.0, *(s.low for s in spans), -1e-3), max(*(s.high for s in spans), 1e-3)
    left, right = _LABELS, 600.0
    bottom = 10 + 26.0 * len(names)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    parts = [_line((at(0), 4), (at(0), bottom), GREY)]
    for i, (name, span) in enumerate(zip(names, spans, strict=True)):
        y = 10 + 26.0 * i
        start, end = sorted((at(0), at(span.value)))
        parts += [
            f'<rect x="{start:.1f}" y="{y:.1f}" width="{max(end - start, 0.5):.1f}" height="14" fill="{BLUE}" opacity=".75"/>',
            _line((at(span.low), y + 7), (at(span.high), y + 7), _INK),
            _text(left - 10, y + 12, name, anchor="end"),
            _text(right + 12, y + 12, f"{span.value:+.3f}", size=12),
        ]
    return _svg(680, bottom + 6, title, parts)


def reliability(points: Sequence[tuple[float, float, int]], *, title: str, axes: tuple[str, str]) -> str:
    """Draw observed shares against predicted ones; on the dashed diagonal they agree. Points: x, y, rows."""
    left, top, size = 50.0, 22.0, 280.0

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * size, top + (1 - y) * size

    parts = [
        f'<rect x="{left:g}" y="{top:g}" width="{size:g}" height="{size:g}" fill="none" stroke="{GREY}"/>',
        _line(at(0, 0), at(1, 1), GREY, dash="5 4"),
        _text(left + size / 2, top + size + 34, axes[0], anchor="middle"),
        _text(left, top - 7, axes[1]),
    ]
    for value in (0.0, 0.5, 1.0):
        parts += [
            _text(left + value * size, top + size + 16, f"{value:g}", anchor="middle", size=11),
            _text(left - 8, top + (1 - value) * size + 4, f"{value:g}", anchor="end", size=11),
        ]
    path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y, _ in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    parts += [_dot(*at(x, y), BLUE, 4, f"{x:.3f} → {y:.3f} ({rows})") for x, y, rows in points]
    return _svg(360, 346, title, parts)


def curve(xs: Sequence[float], ys: Sequence[float], *, name: str, top: float = 1.0) -> str:
    """Draw one small curve, y from 0 to `top`, with the ends of its x axis."""
    left, width, height = 34.0, 180.0, 100.0
    low, high = min(xs), max(xs)
    scale = (high - low) or 1.0
    points = [
        (left + (x - low) / scale * width, 24 + (1 - min(y / top, 1.0)) * height)
        for x, y in zip(xs, ys, strict=True)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [
        _text(left, 14, name if len(name) <= 26 else name[:25] + "…", size=12),
        f'<rect x="{left:g}" y="24" width="{width:g}" height="{height:g}" fill="none" stroke="#c9ced6"/>',
        _text(left - 4, 30, f"{top:.2g}", anchor="end", size=10),
        _text(left - 4, 24 + height, "0", anchor="end", size=10),
        _text(left, height + 38, f"{low:.4g}", size=10),
        _text(left + width, height + 38, f"{high:.4g}", anchor="end", size=10),
        f'<polyline points="{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>',
        *(_dot(x, y, BLUE, 2) for x, y in points),
    ]
    return _svg(224, height + 44, name, parts)


_CELL_W, _CELL_H = 112, 58


_LEFT, _TOP = 188, 168


_FONT: Final = "system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"


_MIGRATION_INK, _FAINT, _LINE = "#1d2530", "#5b6573", "#d5dae1"


Counts = Mapping[str, Mapping[str, int]]


def migration_svg(
    counts: Counts, *, title: Text, before: str, after: str, note: Text, lang: Lang = "zh"
) -> str:
    """Return the matrix as SVG: rows are the tiers before, columns the tiers after, worst first.

    `counts` tier → tier → points, in the order to draw. Points that kept their tier stand on the
    diagonal; a cell is the darker the larger its share of its row.
    """
    tiers = list(counts)
    n = len(tiers)
    width, height = _LEFT + (n + 1) * _CELL_W + 24, _TOP + (n + 1) * _CELL_H + 58
    total = sum(sum(row.values()) for row in counts.values())
    moved = total - sum(counts[t][t] for t in tiers)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    language = "zh-CN" if lang == "zh" else "en"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}" role="img" lang="{language}">',
        f"<title>{_migration_text(title.zh)} · {_migration_text(title.en)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _migration_line(24, 40, title.zh, size=22, weight=600),
        _migration_line(24, 64, title.en, size=14, fill=_FAINT),
        _migration_line(24, 92, _summary(moved, total, lang), size=14),
        _migration_line(
            _LEFT, 122, ("现在 → " if lang == "zh" else "after → ") + after, size=13, fill=_FAINT
        ),
        _migration_line(
            24,
            _TOP - 14,
            ("之前 ↓ " if lang == "zh" else "before ↓ ") + before,
            size=13,
            fill=_FAINT,
            most=22,
        ),
    ]
    sum_title = "合计" if lang == "zh" else "Total"
    for j, tier in enumerate(tiers):
        out.append(_head(_LEFT + j * _CELL_W, _TOP - 38, tier, lang))
    out.append(_middle(_LEFT + n * _CELL_W + _CELL_W / 2, _TOP - 16, sum_title, fill=_FAINT))
    for i, tier in enumerate(tiers):
        y = _TOP + i * _CELL_H
        row = sum(counts[tier].values())
        shares = percentages([counts[tier][to] for to in tiers], digits=1)
        out.append(_head(24, y + 10, tier, lang))
        out += [
            _cell(
                *(_LEFT + j * _CELL_W, y, counts[tier][to], row, shares[j]),
                colour=TIER_COLOURS[to],
                kept=to == tier,
            )
            for j, to in enumerate(tiers)
        ]
        out.append(_middle(_LEFT + n * _CELL_W + _CELL_W / 2, y + 35, f"{row:,}", weight=600))
    y = _TOP + n * _CELL_H + 35
    out.append(_migration_line(24, y, sum_title, size=14, fill=_FAINT))
    for j, to in enumerate(tiers):
        out.append(
            _middle(
                _LEFT + j * _CELL_W + _CELL_W / 2, y, f"{sum(counts[t][to] for t in tiers):,}", weight=600
            )
        )
    out.append(_middle(_LEFT + n * _CELL_W + _CELL_W / 2, y, f"{total:,}", weight=600))
    out.append(_migration_line(24, height - 20, note.text(lang), size=12, fill=_FAINT, most=110))
    return "\n".join([*out, "</svg>", ""])


def write_picture(path: Path, svg: str, *, title: str) -> None:
    """Write a picture as .svg or .html, whole or not at all. ExportError for any other ending."""
    ending = path.suffix.lower()
    if ending not in {".svg", ".html"}:
        raise ExportError(
            f"{path.name}：图片只支持 .svg 和 .html；请改文件名",
            f"{path.name}: pictures are .svg or .html; change the name",
        )
    document = svg
    if ending == ".html":
        document = (
            f'<!doctype html>\n<html lang="zh-CN">\n<meta charset="utf-8">\n<title>{_migration_text(title)}</title>\n'
            f'<body style="margin:0">\n{svg}</body>\n</html>\n'
        )
    with replacing(path) as (part,):
        part.write_text(document, encoding="utf-8", newline="\n")


def _summary(moved: int, total: int, lang: Lang) -> str:
    share = percentage(moved, total, digits=1)
    if lang == "zh":
        return f"同一批记录 {total:,} 条，等级变化 {moved:,} 条（{share}）"
    return f"{total:,} records on both sides, {moved:,} changed their tier ({share})"


def _migration_text(words: str, most: int = 90) -> str:
    """Return words as XML may hold them, on one line, shortened."""
    plain = "".join(c if c.isprintable() else " " for c in words)
    return escape(plain if len(plain) <= most else plain[: most - 1] + "…")


def _migration_line(
    x: float,
    y: float,
    words: str,
    *,
    size: int,
    fill: str = _MIGRATION_INK,
    weight: int = 400,
    most: int = 90,
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{fill}">'
        f"{_migration_text(words, most)}</text>"
    )


def _middle(x: float, y: float, words: str, *, fill: str = _MIGRATION_INK, weight: int = 400) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="15" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="middle">{_migration_text(words)}</text>'
    )


def _head(x: float, y: float, tier: str, lang: Lang) -> str:
    name = TIER_TITLES[tier].text(lang)
    return (
        f'<rect x="{x + 4:g}" y="{y:g}" width="12" height="28" rx="2" fill="{TIER_COLOURS[tier]}"/>'
        f'<text x="{x + 24:g}" y="{y + 19:g}" font-size="15" fill="{_MIGRATION_INK}">{_migration_text(name)}</text>'
    )


def _cell(x: float, y: float, count: int, row: int, told: str, *, colour: str, kept: bool) -> str:
    share = count / row if row else 0.0
    fill = _FAINT if kept else colour
    shade = (0.06 + 0.2 * share if kept else 0.14 + 0.4 * share) if count else 0.0
    box = (
        f'<rect x="{x:g}" y="{y:g}" width="{_CELL_W}" height="{_CELL_H}" fill="{fill}" '
        f'fill-opacity="{shade:.3f}" stroke="{_LINE}"/>'
    )
    middle = x + _CELL_W / 2
    if not count:
        return box + _middle(middle, y + 35, "·", fill=_LINE)
    percent = f'<text x="{middle:g}" y="{y + 46:g}" font-size="11" fill="{_FAINT}" text-anchor="middle">{escape(told)}</text>'
    return box + _middle(middle, y + 29, f"{count:,}", weight=400 if kept else 700) + percent
