"""Words of warnings: kinds, colours, sub-districts, each with the known ones where it is none of them.

A warning or its lifting as it came, and what is left of the warnings once liftings are applied.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from riskmap.catalog.problems import closest
from riskmap.errors import Text, UnknownNameError
from riskmap.values.hazards import IssuedWarning
from riskmap.vocabulary import COLOURS, KINDS

LIFTED: Final = "lifted"


"""The colour of a notice that ends a warning: 解除."""


_KIND_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "typhoon": ("台风", "热带气旋", "typhoon"),
    "rainstorm": ("暴雨", "rainstorm", "rain"),
    "waterlogging": ("内涝", "城市内涝", "积涝", "waterlogging"),
    "geological": ("地质灾害", "地灾", "地质灾害气象风险", "geological", "geological hazard", "landslide"),
    "forest_fire": ("森林火险", "森林火灾", "森林防火", "火险", "forest_fire", "forest fire"),
    "gale": ("大风", "强风", "gale", "wind"),
}


_COLOUR_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "white": ("白色", "白", "white"),
    "blue": ("蓝色", "蓝", "blue"),
    "yellow": ("黄色", "黄", "yellow"),
    "orange": ("橙色", "橙", "orange"),
    "red": ("红色", "红", "red"),
    LIFTED: ("解除", "取消", "lifted", "cancel", "cancelled"),
}


_FOUR: Final = ("blue", "yellow", "orange", "red")


COLOURS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "typhoon": ("white", *_FOUR),
    "rainstorm": ("yellow", "orange", "red"),
    **dict.fromkeys(("waterlogging", "geological", "forest_fire", "gale"), _FOUR),
}


"""Colours that a kind of warning has here: Shenzhen's rainstorm signal has no blue, its typhoon signal a white."""


SEPARATORS: Final = re.compile(r"[,，、;；\n]+")


_TAIL: Final = re.compile(r"(?:预警|信号|warning|signal)+$", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a word as it is compared: half-width, lower case, no blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def kind_of(text: str, place: Text) -> str:
    """Return the kind id of a word; UnknownNameError with `place`, the find and the known words."""
    return _word(text, _KIND_WORDS, place, Text("预警种类", "kind of warning"))


def colour_of(text: str, kind: str, place: Text) -> str:
    """Return the colour id of a word, LIFTED for 解除; UnknownNameError where the kind has no such colour."""
    colour = _word(text, _COLOUR_WORDS, place, Text("预警颜色", "colour"))
    allowed = COLOURS_OF[kind]
    if colour != LIFTED and colour not in allowed:
        zh = "、".join(COLOURS[c].zh for c in allowed)
        en = ", ".join(allowed)
        raise UnknownNameError(
            f"{place.zh}：{KINDS[kind].zh}预警没有{COLOURS[colour].zh}；可用：{zh}",
            f"{place.en}: a {KINDS[kind].en.lower()} warning has no {colour}; it has {en}",
        )
    return colour


def kind_in(text: str) -> str | None:
    """Return the one kind that a sentence names; None where it names none or several."""
    return _inside(text, _KIND_WORDS)


def colour_in(text: str) -> str | None:
    """Return the one colour that a sentence names (解除 apart); None where it names none or several.

    暴雨红色预警 → red; 由橙色升级为红色 → None: which of the two holds is not for a program to guess.
    """
    full = {c: tuple(w for w in words if len(w) > 1) for c, words in _COLOUR_WORDS.items() if c != LIFTED}
    return _inside(text, full)


def subdistricts_of(names: Iterable[str], known: Sequence[str], place: Text) -> tuple[str, ...]:
    """Return the names as the ledger writes them (with or without 街道); UnknownNameError for another one.

    Without known names they are taken as they are.
    """
    keys = {_key(name): name for name in known}
    found: list[str] = []
    for name in names:
        written = unicodedata.normalize("NFKC", name).strip()
        if not written:
            continue
        if known and _key(written) not in keys:
            near = closest(written, known) or keys.get(closest(_key(written), keys), "")
            raise UnknownNameError(
                f"{place.zh}：没有街道 {written}；现有：{'、'.join(known)}"
                + (f"；是否想写 {near}？" if near else ""),
                f"{place.en}: no sub-district {written}; there are: {', '.join(known)}"
                + (f"; did you mean {near}?" if near else ""),
            )
        found.append(keys.get(_key(written), written))
    return tuple(dict.fromkeys(found))


def subdistricts_in(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the known sub-districts that a sentence names."""
    folded = plain(text)
    return tuple(name for name in known if plain(name) in folded or f"{_key(name)}街道" in folded)


def _key(name: str) -> str:
    key = plain(name)
    return key.removesuffix("街道办事处").removesuffix("街道办").removesuffix("街道") or key


def _word(text: str, words: Mapping[str, tuple[str, ...]], place: Text, what: Text) -> str:
    key = _TAIL.sub("", plain(text)).strip()
    owners = {plain(word): name for name, own in words.items() for word in own}
    if key in owners:
        return owners[key]
    shown = {name: own[0] for name, own in words.items()}
    near = closest(key, owners) or _one_off(key, owners)
    hint = shown[owners[near]] if near else ""
    raise UnknownNameError(
        f"{place.zh}：不认识的{what.zh} {text.strip() or '（空）'}；可用：{'、'.join(shown.values())}"
        + (f"；是否想写 {hint}？" if hint else ""),
        f"{place.en}: unknown {what.en} {text.strip() or '(blank)'}; there are: {', '.join(shown)}"
        + (f"; did you mean {owners[near]}?" if near else ""),
    )


def _one_off(key: str, words: Iterable[str]) -> str:
    """Return the only word of the same length that differs in one character: 台凤 → 台风; "" for none."""
    near = [
        w for w in words if len(w) == len(key) > 1 and sum(a != b for a, b in zip(w, key, strict=True)) == 1
    ]
    return near[0] if len(near) == 1 else ""


def _inside(text: str, words: Mapping[str, tuple[str, ...]]) -> str | None:
    folded = plain(text)
    found = {name for name, own in words.items() if any(_names(word, folded) for word in own)}
    return found.pop() if len(found) == 1 else None


def _names(word: str, folded: str) -> bool:
    """Chinese words stand anywhere; Latin ones by themselves, so that "declared" is not red."""
    return bool(re.search(rf"\b{re.escape(word)}\b", folded)) if word.isascii() else plain(word) in folded


@dataclass(frozen=True, slots=True)
class Notice:
    """`lifts`: it ends the warnings of its kind in its sub-districts; its colour then means nothing."""

    warning: IssuedWarning
    lifts: bool = False


def settled(notices: Iterable[Notice]) -> list[IssuedWarning]:
    """Return the warnings in the order of issue, each ended where a later notice lifts it.

    A lifting for some sub-districts of a warning ends it there and leaves it in the others. One for
    sub-districts does not touch a warning of the whole district: which others there are is not known here,
    and a warning is never dropped by guess.
    """
    standing: list[IssuedWarning] = []
    for notice in sorted(notices, key=lambda n: (n.warning.issued, n.lifts)):
        if not notice.lifts:
            standing.append(notice.warning)
            continue
        standing = [part for warning in standing for part in _lifted(warning, notice.warning)]
    return standing


def _lifted(warning: IssuedWarning, by: IssuedWarning) -> list[IssuedWarning]:
    ended = warning.expires is not None and warning.expires <= by.issued
    if warning.kind != by.kind or ended or warning.issued >= by.issued:
        return [warning]
    if not by.subdistricts:
        return [replace(warning, expires=by.issued)]
    inside = tuple(name for name in warning.subdistricts if name in by.subdistricts)
    if not inside:
        return [warning]
    outside = tuple(name for name in warning.subdistricts if name not in by.subdistricts)
    parts = [replace(warning, subdistricts=inside, expires=by.issued)]
    return [*parts, replace(warning, subdistricts=outside)] if outside else parts
