"""The table of docs/mechanisms.md, and what its readings find in the documents of commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cli import riskmap

FILE = Path(__file__).parents[1] / "docs" / "mechanisms.md"
COLUMNS: Final = ("编号", "机制", "命令", "读法", "数", "还缺")
WRITING: Final = {"attach", "ingest", "log", "merge", "move", "record"}  # run after those that only read


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A row: the numbers it stands for, its command's words, what is read of the answer, the figures that are printed."""

    numbers: tuple[int, ...]
    title: str
    words: tuple[str, ...]
    readings: tuple[str, ...]
    figures: tuple[str, ...]
    lacks: str

    @property
    def writes(self) -> bool:
        """Whether its command changes the workspace."""
        return bool(self.words) and self.words[0] in WRITING

    def seen(self, workspace: Path) -> tuple[str, ...]:
        """Run the command in a workspace; return what its readings find, as the table prints it."""
        ran = riskmap(*self.words, "--workspace", workspace)
        assert ran.status in {0, 1}, f"{self.words}: {ran.err}"
        return tuple(str(reading(ran.json, one)) for one in self.readings)


def mechanisms(text: str) -> list[Mechanism]:
    """Return the rows of the table."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    start = cells.index(list(COLUMNS))
    found = []
    for number, title, command, reads, figures, lacks in cells[start + 2 :]:
        words = shlex.split(command.strip("`—"))
        assert not words or words[0] == "riskmap", command
        found.append(
            Mechanism(
                tuple(numbers_of(number)),
                title,
                tuple(words[1:]),
                _parts(reads),
                _parts(figures),
                lacks.strip("—"),
            )
        )
    return found


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("`") for part in cell.split("；") if part.strip("— "))


def numbers_of(cell: str) -> Iterator[int]:
    """Yield the numbers that a cell such as `1–3、7` stands for."""
    for part in cell.split("、"):
        first, _, last = part.partition("–")
        yield from range(int(first), int(last or first) + 1)


def reading(document: Mapping[str, Any], how: str) -> Any:
    """Return what a reading finds: a path, or a count, sum or number of kinds over the rows of the document."""
    verb, _, rest = how.partition(" ")
    rows = next((document[key] for key in ("features", "rows", "items") if key in document), [])
    match verb:
        case "条数":
            return sum(all(_holds(row, one) for one in rest.split("&")) for row in rows)
        case "合计":
            return f"{sum(_value(row, rest) or 0 for row in rows):.10g}"
        case "种数":
            return len({_value(row, rest) for row in rows} - {None})
        case "个数":
            return len(_at(document, rest))
        case _:
            return _at(document, how)


def _value(row: Mapping[str, Any], key: str) -> Any:
    fields = row.get("fields", {})
    return fields[key] if key in fields else row[key]


def _holds(row: Mapping[str, Any], condition: str) -> bool:
    """Tell whether a row satisfies `field=word` or `field!=word`; 无 is what is not stated."""
    key, word = condition.split("=", 1)
    value = _value(row, key.removesuffix("!"))
    found = value if isinstance(value, list) else [value]
    words = {"无" if one is None else str(one).lower() for one in found or [None]}
    return (word in words) != key.endswith("!")


def _at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document
