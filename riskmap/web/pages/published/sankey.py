"""From which tier to which, as bands between two columns: one SVG that needs nothing else.

Worse tiers stand on top, what came and what went are nodes of their own. A band is as wide as it has records, and never
narrower than can be seen; sums are stated. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from riskmap.errors import Lang, Text
from riskmap.vocabulary import TIER_COLOURS, TIER_TITLES, TIERS

_ORDER: Final = (*TIERS, "unrated", "")
"""Nodes from the top; "" is what was not there: added on the left, removed on the right."""


_NAMES: Final[Mapping[bool, Text]] = {True: Text("新增", "added"), False: Text("减少", "removed")}


_WIDTH, _LABEL, _NODE = 720.0, 128.0, 14.0


_BANDS: Final = 300.0  # pixels that all records share


_LEAST: Final = 2.5  # pixels of a band of one record


_GAP: Final = 20.0


_TOP: Final = 34.0


_GONE: Final = "#6f7b89"


_INK: Final = "#22262b"


@dataclass(frozen=True, slots=True)
class Flow:
    """How many records went from a tier (or "unrated") to another; "" for not there: before what is new, after what is gone."""

    before: str
    after: str
    n: int

    @property
    def id(self) -> str:
        """What a flow is called in an address: low.major, .low of what is new."""
        return f"{self.before}.{self.after}"


def sankey_svg(
    flows: Sequence[Flow],
    *,
    sides: tuple[str, str],
    title: str,
    lang: Lang,
    lead: Callable[[Flow], str] = lambda _: "",
    figure: Callable[[str, bool], str] = lambda _tier, _left: "",
) -> str:
    """Return flows as a picture; `sides` names both columns, `lead` gives the address of a flow's records.

    `figure`: attributes of the sum of a node (its tier, and whether it stands on the left) that say which figure it is.
    """
    there = [one for one in flows if one.n]
    total = sum(one.n for one in there) or 1
    wide = {one.id: max(_LEAST, _BANDS * one.n / total) for one in there}
    left = _column(there, wide, left=True)
    right = _column(there, wide, left=False)
    height = max(_end(left), _end(right)) + 12
    parts = [_words(_LABEL, 18, sides[0], "end", bold=True), _words(_WIDTH - _LABEL, 18, sides[1], bold=True)]
    starts = {tier: y for tier, (y, _, _) in left.items()}
    ends = {tier: y for tier, (y, _, _) in right.items()}
    for one in sorted(there, key=lambda flow: (_ORDER.index(flow.before), _ORDER.index(flow.after))):
        y, wideness = starts[one.before], wide[one.id]
        starts[one.before] += wideness
        target = sum(
            wide[other.id]
            for other in there
            if other.after == one.after and _ORDER.index(other.before) < _ORDER.index(one.before)
        )
        parts.append(_band(one, (y, ends[one.after] + target), wideness, lang, lead(one)))
    for nodes, at_left in ((left, True), (right, False)):
        for tier, node in nodes.items():
            parts.append(_node(tier, node, lang, figure(tier, at_left), left=at_left))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:.0f}" role="img" '
        f'aria-label="{escape(title, quote=True)}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def _column(
    flows: Sequence[Flow], wide: Mapping[str, float], *, left: bool
) -> dict[str, tuple[float, float, int]]:
    """Return tier → top, height and records of the nodes of a column."""
    found: dict[str, tuple[float, float, int]] = {}
    y = _TOP
    for tier in _ORDER:
        own = [one for one in flows if (one.before if left else one.after) == tier]
        if own:
            tall = sum(wide[one.id] for one in own)
            found[tier] = (y, tall, sum(one.n for one in own))
            y += tall + _GAP
    return found


def _end(nodes: Mapping[str, tuple[float, float, int]]) -> float:
    return max((y + tall for y, tall, _ in nodes.values()), default=_TOP)


def _title(tier: str, lang: Lang, *, left: bool) -> str:
    return (TIER_TITLES[tier] if tier else _NAMES[left]).text(lang)


def _colour(tier: str) -> str:
    return TIER_COLOURS.get(tier, _GONE)


def _band(one: Flow, ends: tuple[float, float], wide: float, lang: Lang, href: str) -> str:
    y0, y1 = ends
    x0, x1 = _LABEL + 10 + _NODE, _WIDTH - _LABEL - 10 - _NODE
    mid = (x0 + x1) / 2
    path = (
        f"M{x0:.1f},{y0:.1f} C{mid:.1f},{y0:.1f} {mid:.1f},{y1:.1f} {x1:.1f},{y1:.1f} "
        f"L{x1:.1f},{y1 + wide:.1f} C{mid:.1f},{y1 + wide:.1f} {mid:.1f},{y0 + wide:.1f} {x0:.1f},{y0 + wide:.1f} Z"
    )
    words = f"{_title(one.before, lang, left=True)} → {_title(one.after, lang, left=False)}: {one.n:,}"
    same = one.before == one.after
    drawn = (
        f'<path d="{path}" fill="{_colour(one.after or one.before)}" fill-opacity="{0.28 if same else 0.75}">'
        f"<title>{escape(words)}</title></path>"
    )
    return f'<a href="{escape(href, quote=True)}" target="_self">{drawn}</a>' if href else drawn


def _node(tier: str, node: tuple[float, float, int], lang: Lang, figure: str, *, left: bool) -> str:
    y, tall, n = node
    x = _LABEL + 10 if left else _WIDTH - _LABEL - 10 - _NODE
    box = f'<rect x="{x:.1f}" y="{y:.1f}" width="{_NODE:g}" height="{tall:.1f}" fill="{_colour(tier)}"/>'
    at = _LABEL if left else _WIDTH - _LABEL
    middle = y + tall / 2 + 5
    anchor = "end" if left else "start"
    words = (
        f'<text x="{at:.1f}" y="{middle:.1f}" text-anchor="{anchor}" font-size="14" fill="{_INK}">'
        f'{escape(_title(tier, lang, left=left))} <tspan font-weight="600"{figure}>{n:,}</tspan></text>'
    )
    return box + words


def _words(x: float, y: float, text: str, anchor: str = "start", *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="14" fill="{_INK}"{weight}>{escape(text)}</text>'
