"""The selection: what map, table, export and scoring agree to show.

Within one attribute any of the values will do; all attributes that say something must hold; an
empty selection includes everything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.catalog.model import Condition
from riskmap.errors import SelectionError, Text
from riskmap.selection.where import STATES, flag_of_word, state_of_word, tier_of_word, unknown_name
from riskmap.vocabulary import FLAGS, GRADES, RANKS, STANDINGS, TIERS, UNRATED, state_of

_LONGEST_TEXT = 200


_LONGEST_SPEC = 4_000_000


_TIERS: Final = (*TIERS, RANKS[UNRATED], *GRADES.values())


_KEYS: Final = {
    "layers": "l", "tiers": "t", "states": "s", "subdistricts": "d", "where": "w",
    "within": "g", "text": "q", "flags": "f", "codes": "c",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter. Hashable; the order of values never matters.

    `layers` layer ids; `tiers` ids of `records.TIERS`, and "unrated" to take the records without
    a tier along with some tiers (a legend with five switches), and grades of what is no risk; `states`
    "rated" or "unrated": what is no risk is neither;
    `subdistricts` names (`NOT_STATED` for records that state none); `where` conditions on columns;
    `within` a WKB polygon in EPSG:4490, its border included; `text` words that code, name or
    address contain; `flags` ids of `records.FLAGS`; `codes` record codes.
    Raises SelectionError for a tier, state, flag or polygon that is none.
    """

    layers: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    subdistricts: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    within: bytes | None = None
    text: str = ""
    flags: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "tiers", _known(Text("等级", "tier"), self.tiers, tier_of_word, _TIERS))
        put(self, "states", _known(Text("状态", "state"), self.states, state_of_word, STATES))
        put(self, "flags", _known(Text("标记", "flag"), self.flags, flag_of_word, tuple(FLAGS)))
        for name in ("layers", "subdistricts", "codes"):
            put(self, name, tuple(sorted(set(getattr(self, name)))))
        put(self, "where", tuple(sorted(set(self.where), key=repr)))
        put(self, "text", " ".join(self.text.split()))
        if len(self.text) > _LONGEST_TEXT:
            raise SelectionError(
                f"查找文字有 {len(self.text)} 个字；最多 {_LONGEST_TEXT} 个，请缩短",
                f"the text to look for has {len(self.text)} characters; {_LONGEST_TEXT} at most, shorten it",
            )
        if self.within is not None:
            polygon(self.within)

    @property
    def empty(self) -> bool:
        """True when nothing is left out."""
        return self == Selection()

    def ranks(self) -> NDArray[np.bool_]:
        """Return which of `STANDINGS` the tiers and states let through; bool[10]."""
        keep = np.ones(len(STANDINGS), bool)
        if self.tiers:
            keep &= np.array([r in self.tiers for r in STANDINGS])
        if self.states:
            keep &= np.array([state_of(r) in self.states for r in STANDINGS])
        return keep

    def to_text(self) -> str:
        """Return the selection as compact JSON, the same text for equal selections."""
        body: dict[str, Any] = {}
        for name, key in _KEYS.items():
            value = getattr(self, name)
            if name == "where":
                value = [[w.field, w.op, list(w.values), *([w.than] if w.than else [])] for w in value]
            elif name == "within" and value is not None:
                value = base64.urlsafe_b64encode(value).decode("ascii")
            if value:
                body[key] = value
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Selection:
        """Return the selection that `to_text` wrote. Raises SelectionError for any other text."""
        try:
            if len(text) > _LONGEST_SPEC:
                raise ValueError("too long")  # noqa: TRY301 - one way out for everything malformed
            return cls(**_parse(json.loads(text, parse_constant=_refuse)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
            raise SelectionError(
                "筛选条件无法识别：地址中的筛选文字不完整或已损坏；请重新选择筛选条件",
                "this filter cannot be read: its text is incomplete or damaged; choose the filter again",
            ) from problem

    def digest(self) -> str:
        """Return 32 hex digits that stand for this selection (a short key for addresses and caches)."""
        return hashlib.blake2b(self.to_text().encode(), digest_size=16).hexdigest()


def polygon(wkb: bytes) -> Any:
    """Return the polygon of a selection, made anew for the caller: safe to prepare in this thread."""
    try:
        shape = shapely.force_2d(shapely.from_wkb(wkb))
    except (shapely.errors.GEOSException, TypeError, ValueError) as problem:
        raise _no_polygon() from problem
    if shape is None or shape.geom_type not in {"Polygon", "MultiPolygon"} or shape.is_empty:
        raise _no_polygon()
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _no_polygon()
    return shape if shape.is_valid else shapely.make_valid(shape)


def _no_polygon() -> SelectionError:
    return SelectionError(
        "选择范围不是面：请画一个至少三个点的多边形，或给出含面要素的文件",
        "the area of the selection is no polygon: draw one with three corners or more, or give a file with polygons",
    )


def _known(
    what: Text, words: Iterable[str], find: Callable[[str], str | None], listed: tuple[str, ...]
) -> tuple[str, ...]:
    ids = set()
    for word in words:
        if not isinstance(word, str):
            raise unknown_name(what, repr(word), listed)
        found = find(word)
        if found is None:
            raise unknown_name(what, word, listed)
        ids.add(found)
    return tuple(i for i in listed if i in ids)


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _parse(body: Any) -> dict[str, Any]:
    names = {key: name for name, key in _KEYS.items()}
    found: dict[str, Any] = {}
    for key, value in body.items():
        name = names[key]
        if name == "text":
            if not isinstance(value, str):
                raise ValueError(key)
            found[name] = value
        elif name == "within":
            found[name] = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
        elif name == "where":
            found[name] = tuple(_where(w) for w in value)
        else:
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise ValueError(key)
            found[name] = tuple(value)
    return found


def _where(value: Any) -> Condition:
    column, op, values, *than = value
    if not isinstance(values, list) or len(than) > 1:
        raise TypeError(column)
    if than:
        return Condition(field=column, op=op, than=than[0])
    read = Condition(field=column, op=op, value=tuple(values) or None)
    return read if op == "in" or len(values) != 1 else read.model_copy(update={"value": read.values[0]})
