"""The migration matrix as a picture: one SVG that needs nothing else, for a report or a slide.

Every text is escaped: titles and versions come from files that people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final

from riskmap.errors import ExportError, Lang, Say
from riskmap.present.export.atomic import replacing
from riskmap.records import TIER_COLOURS, TIER_TITLES

_CELL_W, _CELL_H = 112, 58
_LEFT, _TOP = 188, 168
_FONT: Final = "system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"
_INK, _FAINT, _LINE = "#1d2530", "#5b6573", "#d5dae1"

Counts = Mapping[str, Mapping[str, int]]


def migration_svg(
    counts: Counts, *, title: Say, before: str, after: str, note: Say, lang: Lang = "zh"
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
        f"<title>{_text(title.zh)} · {_text(title.en)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _line(24, 40, title.zh, size=22, weight=600),
        _line(24, 64, title.en, size=14, fill=_FAINT),
        _line(24, 92, _summary(moved, total, lang), size=14),
        _line(_LEFT, 122, ("现在 → " if lang == "zh" else "after → ") + after, size=13, fill=_FAINT),
        _line(
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
        out.append(_head(24, y + 10, tier, lang))
        out += [
            _cell(_LEFT + j * _CELL_W, y, counts[tier][to], row, colour=TIER_COLOURS[to], kept=to == tier)
            for j, to in enumerate(tiers)
        ]
        out.append(_middle(_LEFT + n * _CELL_W + _CELL_W / 2, y + 35, f"{row:,}", weight=600))
    y = _TOP + n * _CELL_H + 35
    out.append(_line(24, y, sum_title, size=14, fill=_FAINT))
    for j, to in enumerate(tiers):
        out.append(
            _middle(
                _LEFT + j * _CELL_W + _CELL_W / 2, y, f"{sum(counts[t][to] for t in tiers):,}", weight=600
            )
        )
    out.append(_middle(_LEFT + n * _CELL_W + _CELL_W / 2, y, f"{total:,}", weight=600))
    out.append(_line(24, height - 20, note.text(lang), size=12, fill=_FAINT, most=110))
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
            f'<!doctype html>\n<html lang="zh-CN">\n<meta charset="utf-8">\n<title>{_text(title)}</title>\n'
            f'<body style="margin:0">\n{svg}</body>\n</html>\n'
        )
    with replacing(path) as (part,):
        part.write_text(document, encoding="utf-8", newline="\n")


def _summary(moved: int, total: int, lang: Lang) -> str:
    share = f"{moved / total:.1%}" if total else "—"
    if lang == "zh":
        return f"同一批记录 {total:,} 条，等级变化 {moved:,} 条（{share}）"
    return f"{total:,} records on both sides, {moved:,} changed their tier ({share})"


def _text(words: str, most: int = 90) -> str:
    """Return words as XML may hold them, on one line, shortened."""
    plain = "".join(c if c.isprintable() else " " for c in words)
    return escape(plain if len(plain) <= most else plain[: most - 1] + "…")


def _line(
    x: float, y: float, words: str, *, size: int, fill: str = _INK, weight: int = 400, most: int = 90
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{fill}">'
        f"{_text(words, most)}</text>"
    )


def _middle(x: float, y: float, words: str, *, fill: str = _INK, weight: int = 400) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="15" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="middle">{_text(words)}</text>'
    )


def _head(x: float, y: float, tier: str, lang: Lang) -> str:
    name = TIER_TITLES[tier].text(lang)
    return (
        f'<rect x="{x + 4:g}" y="{y:g}" width="12" height="28" rx="2" fill="{TIER_COLOURS[tier]}"/>'
        f'<text x="{x + 24:g}" y="{y + 19:g}" font-size="15" fill="{_INK}">{_text(name)}</text>'
    )


def _cell(x: float, y: float, count: int, row: int, *, colour: str, kept: bool) -> str:
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
    percent = f'<text x="{middle:g}" y="{y + 46:g}" font-size="11" fill="{_FAINT}" text-anchor="middle">{share:.1%}</text>'
    return box + _middle(middle, y + 29, f"{count:,}", weight=400 if kept else 700) + percent
