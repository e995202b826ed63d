"""Reading `lists/*.toml`: saved selections of records, with their columns, order and groups.

The shape alone is checked here; whether layers and fields are there shows where the list is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

from pydantic import Field as Key

from riskmap.catalog.layer import Kinds, Layer
from riskmap.catalog.model import Status
from riskmap.catalog.problems import Items, Part, Slug, Title, TomlFile, Words
from riskmap.errors import CatalogError

FOLDER: Final = "lists"


class RecordList(Part):
    """A list. `of`: the layers whose records it holds, by id or by what they are; `where`: conditions as `--where`.

    `columns`, `order` (a column, or -column for descending) and `group_by` name what the list has of each record.
    """

    id: Slug
    title: Title
    of: Items[Slug] | Kinds
    where: Items[Words] = ()
    columns: Items[Words] = Key(min_length=1)
    order: Items[Words] = ()
    group_by: Words | None = None
    rank: int = Key(default=100, ge=0, le=10_000)
    status: Status = "draft"
    source: Words

    def layers_among(self, layers: Mapping[str, Layer]) -> tuple[str, ...]:
        """Return the layers whose records it holds, of those there are."""
        of = self.of
        if isinstance(of, tuple):
            return tuple(one for one in of if one in layers)
        return tuple(one.id for one in layers.values() if of.takes(one))


def read_list(text: str, file: str) -> tuple[RecordList, TomlFile]:
    """Return the list that the text of a TOML file describes. CatalogError with every mistake of its shape."""
    source = TomlFile.parse(text.replace("\r\n", "\n"), file)
    stated, problems = source.check(RecordList)
    if stated is None:
        raise CatalogError(tuple(problems))
    return stated, source


def default_lists() -> dict[str, str]:
    """Return the lists that riskmap ships, file name → text: drafts of ours, replaced by a file with their id."""
    folder = resources.files("riskmap.catalog").joinpath(FOLDER)
    found = ((one.name, one) for one in folder.iterdir() if one.name.endswith(".toml"))
    return {name: one.read_text(encoding="utf-8") for name, one in sorted(found)}
