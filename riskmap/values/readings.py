"""Readings of sensors: one value of one indicator at one moment, and what became of a batch of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from riskmap.catalog.series import AlertLevel
from riskmap.errors import Lang, Text
from riskmap.json_documents import Document
from riskmap.moments import iso_second

SensorState = Literal["fresh", "stale", "silent", "out_of_range"]


STATE_TITLES: dict[SensorState, Text] = {
    "fresh": Text("数据及时", "fresh"),
    "stale": Text("数据过时", "stale"),
    "silent": Text("无数据", "silent"),
    "out_of_range": Text("超量程", "out of range"),
}


class SeriesKey(NamedTuple):
    """One indicator of one sensor: what its readings are kept under."""

    layer: str
    code: str
    indicator: str


class Reading(NamedTuple):
    """`value`, in the unit of its indicator, at `ts`, seconds since 1970 in UTC; `row` of the file it came in."""

    key: SeriesKey
    ts: int
    value: float
    row: int = 0


@dataclass(frozen=True, slots=True)
class IngestIssue:
    """Why readings were refused, or are listed as a conflict; `row` the first of them, None of the whole file."""

    row: int | None
    rule: str
    message: Text

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return one of the issues of `riskmap ingest --json`."""
        return {"row": self.row, "rule": self.rule, "message": self.message.text(lang)}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """The readings of a file that can be kept, how many cannot, and why."""

    readings: Sequence[Reading]
    refused: int
    issues: tuple[IngestIssue, ...]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file: `rows = accepted + duplicate + conflict + refused`.

    `late`: of those accepted, older than the newest of their series. `batch`: its number; that of the earlier
    one where the same file came again and changed nothing.
    """

    batch: int
    rows: int
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    late: int
    alerts: tuple[str, ...] = ()
    issues: tuple[IngestIssue, ...] = ()

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap ingest --json` and of POST /observations."""
        counts = ("batch", "rows", "accepted", "duplicate", "conflict", "refused", "late")
        return {
            **{name: getattr(self, name) for name in counts},
            "alerts": list(self.alerts),
            "issues": [one.as_json(lang) for one in self.issues],
        }


@dataclass(frozen=True, slots=True)
class LatestReading:
    """The newest reading of an indicator as it stands now; without `at` it never reported.

    `level`: the worst that it has reached, and `threshold` by which, id and version; None where it has reached none or
    none can be known.
    """

    key: SeriesKey
    at: dt.datetime | None
    value: float | None
    state: SensorState
    level: AlertLevel | None = None
    threshold: str | None = None

    def as_json(self) -> Document:
        """Return one of the "readings" of `riskmap select --json`."""
        at = None if self.at is None else iso_second(self.at)
        return {"value": self.value, "at": at, "level": self.level, "state": self.state}
