"""A figure's value, told with its period, the ledger it was counted in, and the address of its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

from riskmap.errors import Lang, RiskmapError, Text
from riskmap.json_documents import Document

Status = Literal["counted", "given", "provisional"]


NOTHING: Final = "—"


PAST: Final = "asof"
"""What an address calls the past day or moment whose ledger is meant, as the pages' addresses do."""


def rounded(exact: Fraction, decimals: int) -> Decimal:
    """Return a number to so many decimals, half up (away from zero), from the exact one: 1/16 in per cent 6.3."""
    scaled = abs(exact) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-whole if exact < 0 else whole).scaleb(-decimals)


def plain(exact: Fraction) -> Decimal:
    """Return a number with as many decimals as it has, twelve at most."""
    if exact.denominator == 1:
        return Decimal(exact.numerator)
    for decimals in range(1, 13):
        if (exact * 10**decimals).denominator == 1:
            return rounded(exact, decimals)
    return rounded(exact, 12)


def number_text(value: Decimal | None) -> str:
    """Return a number as people read it: 12,341, 73.31; "—" for none."""
    return NOTHING if value is None else f"{value:,f}"


@dataclass(frozen=True, slots=True)
class Address:
    """What a selection is asked for by: the arguments of `select` and of the pages alike.

    `layers`: none for all; `where`: conditions; `text`: words to look for; `area`: as `selection.area_text` writes it;
    `as_of`: the past day or moment, "" for now.
    """

    layers: tuple[str, ...]
    where: tuple[str, ...] = ()
    subdistricts: tuple[str, ...] = ()
    as_of: str = ""
    text: str = ""
    area: str = ""

    def __str__(self) -> str:
        pairs = [("layers", ",".join(self.layers))] * bool(self.layers)
        pairs += [("where", one) for one in self.where]
        pairs += [("sub", ",".join(self.subdistricts))] * bool(self.subdistricts)
        pairs += [
            (key, one) for key, one in (("q", self.text), ("area", self.area), (PAST, self.as_of)) if one
        ]
        return urlencode(pairs, safe=",:")

    def narrowed(self, *more: str, subdistrict: str = "") -> Address:
        """Return the address of those of its records that meet more conditions."""
        streets = (subdistrict,) if subdistrict else self.subdistricts
        return replace(self, where=(*self.where, *more), subdistricts=streets)

    def among(self, whole: Address) -> Address:
        """Return the address of those of its records that another one leads to, too."""
        layers = tuple(one for one in self.layers if one in whole.layers) if whole.layers else self.layers
        return replace(
            whole,
            layers=layers or self.layers,
            where=tuple(dict.fromkeys((*whole.where, *self.where))),
            subdistricts=self.subdistricts or whole.subdistricts,
        )

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that a text writes. RiskmapError for a key that no address has."""
        pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True)
        found: dict[str, list[str]] = {}
        for key, value in pairs:
            found.setdefault(key, []).append(value)
        if unknown := sorted(set(found) - {"layers", "where", "sub", "q", "area", PAST}):
            raise RiskmapError(
                f"地址中的 {unknown[0]} 不认得；可用 layers、where、sub、q、area、{PAST}",
                f"this address has {unknown[0]}, which none has; layers, where, sub, q, area and {PAST} are known",
            )

        def listed(key: str) -> tuple[str, ...]:
            return tuple(one for one in ",".join(found.get(key, ())).split(",") if one)

        def one(key: str) -> str:
            return "".join(found.get(key, ())[:1])

        where = tuple(found.get("where", ()))
        return cls(listed("layers"), where, listed("sub"), one(PAST), one("q"), one("area"))


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a figure: `member` "major", of two keys "street.major"; `count` and `missing` as the figure's."""

    member: str
    title: Text
    exact: Fraction | None
    value: Decimal | None
    text: str
    count: int
    missing: int
    query: Address | None

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return one group of `riskmap figures --json`."""
        return {
            "member": self.member,
            "title": self.title.text(lang),
            "value": number(self.value),
            "text": self.text,
            "count": self.count,
            "missing": self.missing,
            "query": None if self.query is None else str(self.query),
        }


@dataclass(frozen=True, slots=True)
class FigureValue:
    """A figure as it is told: `value` rounded as it is printed, `exact` before that, None where nothing can be told.

    `text`: the value as a report prints it, with its sign of a share and, of a change, its direction; `unit` beside
    it. `period`: as it was asked for, None of a stock. `as_of`: the day or moment (UTC) of whose ledger it is. `count`:
    how many records (of a ratio how many in all) it stands on, `missing`: of how many what is asked is not known.
    `query`: the address of its records; of what is made of figures `of` names these. `groups`: where it has some.
    """

    id: str
    title: Text
    exact: Fraction | None
    value: Decimal | None
    text: str
    unit: str
    period: str | None
    as_of: str
    count: int
    missing: int = 0
    status: Status = "counted"
    query: Address | None = None
    of: tuple[str, ...] = ()
    groups: tuple[Group, ...] | None = None
    names: tuple[str, ...] = ()
    publisher: str | None = None
    source: str | None = None
    said: Text | None = field(default=None, repr=False)

    def told(self, lang: Lang = "zh") -> str:
        """Return the text in a language: 上升30.8%, up 30.8%."""
        return self.text if self.said is None else self.said.text(lang)

    def group(self, member: str) -> Group | None:
        """Return one of its groups, None where it has no such one."""
        return next((one for one in self.groups or () if one.member == member), None)

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return one figure of `riskmap figures --json`; `text` is what counts, `value` the nearest number."""
        return {
            "id": self.id,
            "title": self.title.text(lang),
            "value": number(self.value),
            "text": self.told(lang),
            "unit": self.unit,
            "period": self.period,
            "as_of": self.as_of,
            "count": self.count,
            "missing": self.missing,
            "status": self.status,
            "query": None if self.query is None else str(self.query),
            "of": list(self.of),
            "groups": None if self.groups is None else [one.as_json(lang) for one in self.groups],
            **({"source": self.source} if self.source else {}),
        }


def number(value: Decimal | None) -> int | float | None:
    """Return a decimal as JSON has numbers."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def figures_document(
    values: Sequence[FigureValue], failed: Mapping[str, tuple[Text, Text]], lang: Lang = "zh"
) -> Document:
    """Return the document of `riskmap figures --json`; `failed`: id → what is wrong, and what to do."""
    return {
        "figures": [one.as_json(lang) for one in values],
        "failed": [
            {"id": one, "message": message.text(lang), "remedy": remedy.text(lang)}
            for one, (message, remedy) in failed.items()
        ],
    }
