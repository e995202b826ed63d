"""Figures as the numbers of a page: each as it is printed, with its id and the address of its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskmap.actions.figures import MOST_CODES, engine_of
from riskmap.errors import RiskmapError
from riskmap.reports.figures import Address, Engine
from riskmap.reports.periods import Period
from riskmap.vocabulary import FLAGS, RANK_OF
from riskmap.web.frame.state import as_of, lang, past_text, workspace
from riskmap.web.widgets.panels import FigureRef, Number, address


@dataclass(frozen=True, slots=True)
class Told:
    """The figures of the ledger that a session looks at, as numbers of a page.

    A page that leads elsewhere than to the list of a figure's records says so by `href`.
    """

    engine: Engine

    def has(self, figure_id: str) -> bool:
        """Return whether this workspace has a figure: it lacks those over registers that it does not have."""
        return figure_id in self.engine.figures.usable

    def title(self, figure_id: str) -> str:
        """Return what a figure is called."""
        return self.engine.figures.usable[figure_id].title.text(lang())

    def number(self, figure_id: str, href: str | None = None) -> Number:
        """Return one figure, with its unit where that is a sign of a share."""
        found = self.engine.value(figure_id)
        lead = records_address(found.query) if href is None and found.query is not None else href or ""
        return Number(
            found.told(lang()),
            self._ref(figure_id, found.period),
            lead if found.value else "",
            None if found.value is None else float(found.value),
        )

    def groups(self, figure_id: str, *, leads: bool = True) -> dict[str, Number]:
        """Return member → number of a figure's groups, in their order; `leads` False: without addresses."""
        found = self.engine.value(figure_id)
        return {
            one.member: Number(
                one.text,
                self._ref(f"{figure_id}.{one.member}", found.period),
                records_address(one.query) if leads and one.query is not None and one.value else "",
                None if one.value is None else float(one.value),
            )
            for one in found.groups or ()
        }

    def nought(self, figure_id: str) -> Number:
        """Return the number of a group in which there is nothing."""
        return Number("0", self._ref(figure_id, None), "", 0)

    def _ref(self, figure_id: str, period: str | None) -> FigureRef:
        return FigureRef(figure_id, period or "", past_text())


def told(period: Period | None = None) -> Told:
    """Return the figures of what this session looks at, of a period where one is given."""
    return Told(engine_of(workspace(), period=period, as_of=as_of()))


def sought(figures: Told, figure_id: str) -> Number | None:
    """Return a figure, or none where this workspace does not have it or it cannot be told."""
    try:
        return figures.number(figure_id) if figures.has(figure_id) else None
    except RiskmapError:
        return None


def records_address(query: Address) -> str:
    """Return the inventory's address for the records of a figure; tiers and flags by the switches of its filter."""
    asked: dict[str, str | list[str]] = {"layers": ",".join(query.layers)} if query.layers else {}
    rest: list[str] = []
    for text in query.where:
        key, _, word = text.partition(" == ")
        if key == "tier" and word in RANK_OF:
            asked["tiers"] = word
        elif text == "state == unrated":
            asked["tiers"] = "unrated"
        elif key == "flags" and word in FLAGS:
            asked["flags"] = word
        else:
            rest.append(text)
    if query.subdistricts:
        asked["sub"] = ",".join(query.subdistricts)
    asked |= {key: one for key, one in (("q", query.text), ("area", query.area)) if one}
    if rest:
        asked["where"] = rest
    return address("inventory", asked)


def named_address(records: Sequence[tuple[str, str]]) -> str:
    """Return the inventory's address for records by layer and code, "" where they are too many to be named."""
    if not 0 < len(records) <= MOST_CODES:
        return ""
    layers = dict.fromkeys(layer for layer, _ in records)
    codes = ",".join(dict.fromkeys(f'"{code}"' for _, code in records))
    return records_address(Address(tuple(layers), (f"code in {codes}",)))
