"""What a model file states of its numbers: where they come from and who adopted them.

A number that somebody changes has no source any more, and a model with such a number is no longer the one
that was adopted, until somebody states both again: who, when, on what ground.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from riskmap.catalog.model_text import list_of, parsed, spliced, table_of
from riskmap.catalog.toml_lines import KeyPath, value_spans
from riskmap.errors import CatalogError

_SINGLE: Final = ("limits", "uncertainty")


_LISTED: Final = ("indicators", "learned", "combinations", "gates", "rules", "measures")


_DECISIONS: Final = ("gates", "rules")  # adopted where they say nothing of it


_NO_FIGURE: Final = ("title", "source", "status")


_HEAD: Final = (*_NO_FIGURE, "id", "version", "adopted", "unit", *_SINGLE, *_LISTED)


@dataclass(frozen=True, slots=True)
class SourcedPart:
    """A part of a model file with a source of its own: its numbers, and what is stated of them.

    `source`: "" where the numbers have lost it, None where the part states none.
    """

    path: KeyPath
    figures: Mapping[str, Any]
    source: str | None
    status: str | None

    def equals(self, other: SourcedPart | None) -> bool:
        """Return whether another version states the same numbers with the same source."""
        return other is not None and (self.figures, self.source) == (other.figures, other.source)


@dataclass(frozen=True, slots=True)
class Statements:
    """What a text states. `parts` by section and id; `figures`: all numbers of the model."""

    parts: Mapping[KeyPath, SourcedPart]
    figures: Mapping[str, Any]
    status: str
    adopted: str

    def adopts(self, other: Statements) -> bool:
        """Return whether this version was adopted with the same numbers and the same statement."""
        mine, others = ((one.status, one.adopted, one.figures) for one in (self, other))
        return self.status == "adopted" and mine == others


def statements_of(data: Mapping[str, Any]) -> Statements:
    """Return what the values of a model file state, with or without mistakes."""
    parts = dict(_parts(data))
    head = {key: value for key, value in data.items() if key not in _HEAD}
    figures = head | {".".join(map(str, key)): part.figures for key, part in parts.items()}
    return Statements(parts, figures, str(data.get("status", "")), str(data.get("adopted", "")))


def _read(text: str) -> Statements:
    """Return what a text states; a text that is no TOML states nothing."""
    try:
        return statements_of(parsed(text))
    except CatalogError:
        return Statements({}, {}, "", "")


def _parts(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, SourcedPart]]:
    for name in _SINGLE:
        if name in data:
            yield (name,), _part((name,), table_of(data[name]), None)
    for name in _LISTED:
        default = "adopted" if name in _DECISIONS else None
        for i, table in enumerate(map(table_of, list_of(data.get(name)))):
            yield (name, str(table.get("id", i))), _part((name, i), table, default)


def _part(path: KeyPath, table: Mapping[str, Any], default: str | None) -> SourcedPart:
    figures = {key: value for key, value in table.items() if key not in _NO_FIGURE}
    source = table.get("source")
    return SourcedPart(path, figures, None if source is None else str(source), table.get("status", default))


def changed_parts(base: str, text: str) -> dict[KeyPath, SourcedPart]:
    """Return place → part of `text`, for the parts with other numbers or another source than in `base`."""
    before = _read(base).parts
    parts = _read(text).parts
    return {part.path: part for key, part in parts.items() if not part.equals(before.get(key))}


def stated_status(text: str) -> str:
    """Return the status that a model's text states, "" where it states none or cannot be read."""
    return _read(text).status


def unsourced(text: str) -> tuple[KeyPath, ...]:
    """Return the places of the parts that have lost their source."""
    return tuple(part.path for part in _read(text).parts.values() if part.source == "")


def lost_sources(text: str, known: Sequence[str]) -> tuple[KeyPath, ...]:
    """Return the places of the parts whose numbers were changed and whose source still is the old one.

    `known`: the text that it was made from, then earlier versions; a source that stood beside these very
    numbers in one of them is theirs.
    """
    base, *_ = texts = [_read(one).parts for one in known]
    return tuple(
        part.path
        for key, part in _read(text).parts.items()
        if part.source
        and key in base
        and part.source == base[key].source
        and not any(part.equals(one.get(key)) for one in texts)
    )


def loses_adoption(text: str, known: Sequence[str]) -> bool:
    """Return whether a text calls itself adopted though its numbers are not those that were adopted.

    Not where it states the adoption anew: it says adopted and the text it was made from did not, or
    its `adopted` says something else.
    """
    now, texts = _read(text), [_read(one) for one in known]
    anew = (now.status, now.adopted) != (texts[0].status, texts[0].adopted)
    return now.status == "adopted" and not anew and not any(now.adopts(one) for one in texts)


def signed_text(
    text: str, known: Sequence[str], *, by: str, on: date, ground: str, adopt: bool = False
) -> str:
    """Return a model's text as `by` may sign for it on a day; `known` as for `lost_sources`.

    Sources that its numbers have lost become "", and with them the status of a rule or measure; a source
    stated anew says by whom and when. With `adopt`, or where the text states it anew, the model is
    adopted on the `ground` given; where its adoption is lost it is a draft again.
    """
    lost = lost_sources(text, known)
    texts = [_read(one) for one in known]
    now = _read(text)
    values: dict[KeyPath, str] = {}
    for key, part in now.parts.items():
        if part.path in lost:
            values[*part.path, "source"] = ""
            if part.status == "adopted":
                values[*part.path, "status"] = "draft"
        elif part.source and not any(part.equals(one.parts.get(key)) for one in texts):
            values[*part.path, "source"] = _signed(part.source, by, on)
    kept = any(now.adopts(one) for one in texts)
    if adopt or (now.status == "adopted" and not kept and not loses_adoption(text, known)):
        stated = now.adopted if now.adopted != texts[0].adopted else ""
        values |= {("status",): "adopted", ("adopted",): _signed(stated or ground, by, on)}
    elif now.status == "adopted" and not kept:
        values |= {("status",): "draft", ("adopted",): ""}
    return with_statements(text, values)


def _signed(statement: str, by: str, on: date) -> str:
    return f"{statement}（{by}，{on.isoformat()}）"


def with_statements(text: str, values: Mapping[KeyPath, str]) -> str:
    """Return a model's text with other words at the places named; a `status` or `adopted` that is not there
    yet is written after the source of its part or the status of the model.
    """
    spans = value_spans(text)
    splices: list[tuple[int, int, str]] = []
    for path, value in values.items():
        written = json.dumps(value, ensure_ascii=False)
        if path in spans:
            splices.append((*spans[path], written))
        elif value:
            before = (*path[:-1], "status" if path[-1] == "adopted" else "source")
            splices.append(_added(text, spans[before], f"{path[-1]} = {written}"))
    return spliced(text, splices)


def _added(text: str, span: tuple[int, int], pair: str) -> tuple[int, int, str]:
    """Return how a pair is put after a value: on the next line, or within the same braces."""
    start, end = span
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if "{" in line:
        return end, end, f", {pair}"
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    return stop, stop, f"\n{pair}"
