"""Codes that the layer makes: prefix, year and number, or the parent's code and a number.

A file says nothing twice: the k-th row of some values is the k-th record of these values, so that one file read again
changes nothing, and two rows that are alike are two records.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from riskmap.catalog.layer import Field, Layer
from riskmap.errors import Text
from riskmap.io.tables.row_codes import uncoded
from riskmap.io.tables.row_parts import TableRows, say_of
from riskmap.rules.cell import Finding
from riskmap.values.import_plan import Intake, Issue
from riskmap.values.records import Clear, Records

_SERIAL_DIGITS: Final = 4


_CHILD_DIGITS: Final = 3


Named = Callable[[Field, Collection[str]], Mapping[str, str]]  # texts that name records → as they are kept


def next_code(layer: Layer, taken: Collection[str], stem: str) -> str:
    """Return the next code that begins with a stem; `taken`: those that there are, retired ones too."""
    return _numbered(layer, stem, _last(stem, taken) + 1)


def code_stem(layer: Layer, values: Mapping[str, Any], *, year: int) -> str | None:
    """Return what the code of a record with these values begins with; None for a child without a parent.

    `year`: of a serial whose values state no day.
    """
    if layer.key.kind == "child" and layer.belongs_to is not None:
        parent = values.get(layer.belongs_to.field)
        return f"{parent}-" if isinstance(parent, str) else None
    day = values.get(layer.moment) if layer.moment else None
    return f"{layer.key.prefix}{day[:4] if isinstance(day, str) else year}-"


def _numbered(layer: Layer, stem: str, number: int) -> str:
    digits = _CHILD_DIGITS if layer.key.kind == "child" else _SERIAL_DIGITS
    return f"{stem}{number:0{digits}d}"


def _last(stem: str, taken: Collection[str]) -> int:
    counted = re.compile(re.escape(stem) + r"(\d+)", re.ASCII)
    return max((int(found[1]) for code in taken if (found := counted.fullmatch(code))), default=0)


@dataclass
class RowKeys:
    """How the rows of a layer that makes its codes get one, for the files of one import.

    `known`: the records of the ledger, retired ones too. `named` tells which records texts name. `waiting`: rows of
    earlier files that wait for a person, each with the code that it was given: nobody else gets it.
    """

    layer: Layer
    known: Records
    named: Named
    year: int
    waiting: Sequence[Records] = ()
    _later: list[Records] = field(default_factory=list)

    def learn(self, intake: Intake) -> None:
        """Know the records of a file that was read: the next file goes on after it."""
        self._later.append(intake.records)

    def assign(self, parts: Sequence[TableRows]) -> Issue | None:
        """Give every row without a code one, or say why it gets none."""
        told = self._told()
        stated = {code for part in parts for code in part.code if code is not None}
        taken = stated | {
            code for records in (self.known, *self.waiting, *self._later) for code in records.code
        }
        last: dict[str, int] = {}
        for part in parts:
            values = self._kept(part.values)
            for _, row in uncoded([part]):
                mine = {key: column[row] for key, column in values.items()}
                same = told.get(self._same(mine, part.name[row]), [])
                code = next((one for one in same if one not in stated), None)
                if code is not None:
                    same.remove(code)
                elif (stem := code_stem(self.layer, mine, year=self.year)) is not None:
                    last[stem] = last.get(stem, _last(stem, taken)) + 1
                    code = _numbered(self.layer, stem, last[stem])
                else:
                    say_of(part, row, None, _no_parent(self.layer), value=None, target="code")
                    continue
                part.code[row] = code
        return None

    def _told(self) -> dict[tuple[Any, ...], list[str]]:
        """Return what rows may be the records of the ledger, or rows that wait: their values → their codes, in order."""
        found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for records in (self.known, *self.waiting, *self._later):
            for i in sorted(range(len(records)), key=lambda i: _in_order(records.code[i])):
                mine = {key: column[i] for key, column in records.values.items()}
                found[self._same(mine, records.name[i])].append(records.code[i])
        return found

    def _same(self, values: Mapping[str, Any], name: object) -> tuple[Any, ...]:
        """Return what a row has in common with the record that it is."""
        asked = self.layer.key.same or tuple(field.id for field in self.layer.plain_fields)
        own = () if self.layer.key.same else (name if isinstance(name, str) else None,)
        parent = (self.layer.belongs_to.field,) if self.layer.belongs_to else ()
        return (*own, *(_known(values.get(key)) for key in dict.fromkeys((*parent, *asked))))

    def _kept(self, values: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the columns of a file with every link as the ledger keeps it."""
        out = dict(values)
        for one in self.layer.links:
            if (column := out.get(one.id)) is not None:
                found = self.named(one, {text for text in column if isinstance(text, str)})
                out[one.id] = [found.get(text, text) if isinstance(text, str) else text for text in column]
        return out


def _known(value: Any) -> Any:
    return None if isinstance(value, Clear) else float(value) if isinstance(value, int | float) else value


def _in_order(code: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(\d*)", code, re.DOTALL)
    head, digits = (found[1], found[2]) if found else (code, "")
    return head, int(digits or 0)


def _no_parent(layer: Layer) -> Finding:
    parent = layer.belongs_to
    title = layer.field(parent.field).title if parent else layer.title
    return Finding(
        "no_parent",
        "error",
        Text(
            f"没有写“{title.zh}”；每条记录都要挂在一条记录上，请补上它的编号",
            f"no {title.en}: each record hangs on another one, write its code",
        ),
    )
