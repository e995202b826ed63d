"""A classified inventory (分级分类清单): the selected records and everything a reader must know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.errors import Lang, Text
from riskmap.progress import UNWATCHED, Progress
from riskmap.values.assessment import ModelStamp
from riskmap.values.attachments import Attached, Attachment
from riskmap.values.records import Contact
from riskmap.vocabulary import GRADES, STANDINGS, TIER_TITLES, TIERS

# How columns of counts run: worst tier first, unrated last.
STATES: Final[tuple[str, ...]] = (*TIERS, "unrated")


# What riskmap adds to a record in attribute tables: no import reads it as something stated.
DERIVED: Final = (
    *("tier", "tier_title", "grade", "grade_title", "state", "score", "missing", "rules", "flags"),
    "updated_at",
)


PRINTED: Final = "_printed"  # in place of a layer's id: a sheet to print, which no import reads


DEMO_MARK: Final = "演示数据 demo data"


Counts = Mapping[str, int]  # tier id or "unrated" → how many


@dataclass(frozen=True, slots=True)
class LayerInventory:
    """The selected records of one layer.

    `table` is a column snapshot's table (docs/architecture.md), or rows taken from one. `contacts`
    runs parallel to it, None where contacts are not part of the export. Contacts and fields that
    are personal data come as they may be shown: whoever makes the inventory has masked them.
    `models` made the tiers, of most records first; `adopted` is the one in use now where that is another;
    `parts` are titles of the parts of the one in use, by id (columns "p:<id>" of `table`). `files` runs parallel to
    `table` where the layer has fields of files.
    """

    layer: Layer
    table: pa.Table
    models: tuple[ModelStamp, ...] = ()
    contacts: Sequence[tuple[Contact, ...] | None] | None = None
    adopted: ModelStamp | None = None
    parts: Mapping[str, Text] = field(default_factory=dict)
    files: Sequence[Sequence[Attached]] = ()

    @property
    def rules(self) -> Mapping[str, Text]:
        """Titles of the direct rules and the gates, by id."""
        return {rule: title for model in reversed(self.models) for rule, title in model.rules.items()}

    def __len__(self) -> int:
        return self.table.num_rows


@dataclass(frozen=True, slots=True)
class PrintedFigure:
    """A figure as a cover prints it: what `riskmap figures` tells, counted of the records that are written.

    `layer`: of which layer's records alone, "" for all; `street`: of which sub-district's alone. `query`: the address
    of the records, "" where no address says it.
    """

    id: str
    title: Text
    value: int
    text: str
    layer: str = ""
    query: str = ""
    street: str = ""

    def as_json(self, lang: Lang) -> dict[str, Any]:
        """Return one figure of a document that says what was written."""
        return {
            "id": self.id,
            "title": self.title.text(lang),
            "value": self.value,
            "text": self.text,
            "layer": self.layer or None,
            **({"street": self.street} if self.street else {}),
            "query": self.query or None,
        }


CoverFigures = Mapping[tuple[str, str], PrintedFigure]
"""Figures by their ids, and by the layer of whose records alone they are, "" for all."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an export says. The totals are counted from the very rows that are written.

    `as_of` (of the data) and `made_at` are texts as they are to be read. `differences` are those of
    a reconciliation: {"what", "expected", "found", "codes"}, `what` a text or a Text. `unrated` is the sentence about
    those without a tier, "" where every record has one; `newly_unrated`: how many of them are new. `approval` is
    the map approval number (审图号). `unmasked` states that personal data are shown in full. `head` is that
    of the ledger's chain of digests at the state that is shown, in hex, `changeset` the write that it closed.
    `handed_over` gives the content of a file on a record as it may leave the house.
    `figures`: every number that a cover prints, by its id and, where it is of one layer's records alone, by layer;
    `counted`: those of some rows of each layer, and of which sub-district these are, "" for none.
    `progress` is told by who writes it: a format that tells nothing can be stopped between files only.
    """

    district: str
    layers: tuple[LayerInventory, ...]
    filter: Text
    as_of: str
    made_at: str
    made_by: str
    adds_up: bool = True
    differences: tuple[Mapping[str, Any], ...] = ()
    unrated: str = ""
    newly_unrated: int = 0
    demo: bool = False
    approval: str = ""
    unmasked: bool = False
    lang: Lang = "zh"
    head: str = ""
    changeset: int = 0
    handed_over: Callable[[Attachment], bytes] | None = None
    figures: CoverFigures = field(default_factory=dict[tuple[str, str], PrintedFigure])
    counted: Callable[[Sequence[NDArray[np.bool_]], str], CoverFigures] | None = None
    progress: Progress = UNWATCHED

    def __len__(self) -> int:
        return sum(len(part) for part in self.layers)

    def figure(self, figure_id: str, layer: str = "") -> PrintedFigure:
        """Return a figure of what is written; of a group in which there is nothing 0."""
        if (found := self.figures.get((figure_id, layer))) is not None:
            return found
        whole = self.figures.get((".".join(figure_id.split(".")[:2]), layer))
        return PrintedFigure(figure_id, Text("", "") if whole is None else whole.title, 0, "0", layer)

    def tiers(self, part: LayerInventory | None = None) -> dict[str, int]:
        """Return tier or "unrated" → how many risks, of a layer or of all: its figures."""
        of = "points.tiers" if part is None else f"points.layer_tier.{part.layer.id}"
        return {state: self.figure(f"{of}.{state}").value for state in STATES}

    def grades(self, part: LayerInventory) -> dict[str, int]:
        """Return grade → how many records of a layer that is no risk: its figures."""
        of = f"records.standing.{part.layer.id}"
        return {grade: self.figure(f"{of}.{grade}").value for grade in GRADES.values()}

    def records(self, part: LayerInventory) -> int:
        """Return how many records a layer has: its figure."""
        return self.figure(f"records.layer.{part.layer.id}").value

    def only(self, rows: Sequence[NDArray[np.bool_]], street: str = "") -> Inventory:
        """Return some rows of each layer, which keeps its place also without one; the figures are of these rows.

        `street`: the sub-district whose rows they are; other rows have no address.
        """
        tables = [part.table.filter(keep) for part, keep in zip(self.layers, rows, strict=True)]
        parts = [
            replace(part, table=table, contacts=None, files=())
            for part, table in zip(self.layers, tables, strict=True)
        ]
        counted = {} if self.counted is None else self.counted(rows, street)
        return replace(self, layers=tuple(parts), figures=counted)

    @property
    def printed(self) -> tuple[PrintedFigure, ...]:
        """The figures of all that is written, without those of one layer's part alone."""
        return tuple(one for one in self.figures.values() if not one.layer)

    def wrote(self, part: LayerInventory, rows: int) -> None:
        """Tell that so many rows of a layer are written, after all layers before it. Cancelled where it shall stop."""
        before = sum(len(one) for one in takewhile(lambda one: one is not part, self.layers))
        title = part.layer.title
        what = Text(f"写入：{title.zh}", f"writing: {title.en}")
        self.progress.step(before + rows, len(self), what)

    @property
    def unexplained(self) -> list[Mapping[str, Any]]:
        """The differences that records without a tier do not account for."""
        return unexplained(self.differences)

    @property
    def risks(self) -> tuple[LayerInventory, ...]:
        """The layers that enter tiers and sums."""
        return tuple(part for part in self.layers if part.layer.counts == "risk")

    @property
    def others(self) -> tuple[LayerInventory, ...]:
        """The layers that are listed and enter no sum."""
        return tuple(part for part in self.layers if part.layer.counts != "risk")


def unexplained(differences: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the differences of sums that the records they name do not account for: there somebody has to look."""
    return [d for d in differences if d["expected"] - d["found"] != len(d["codes"])]


FileKey = tuple[str, str, str, str]  # layer, code, field, digest


def file_key(part: LayerInventory, code: str, file: Attached) -> FileKey:
    """Return what names a file on a record."""
    return part.layer.id, code, file.field, file.file.digest


def tier_counts(table: pa.Table) -> dict[str, int]:
    """Return how many rows each of `STATES` has."""
    found = np.bincount(np.asarray(table["rank"].to_numpy(), np.uint8), minlength=len(STANDINGS))
    return {state: int(found[STANDINGS.index(state)]) for state in STATES}


def add_counts(counts: Sequence[Counts]) -> dict[str, int]:
    """Return the sum of several counts."""
    return {state: sum(c[state] for c in counts) for state in STATES}


def tier_title(state: str, lang: Lang) -> str:
    """Return the word for a tier or for unrated."""
    return TIER_TITLES[state].text(lang)
