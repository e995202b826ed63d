"""A list as it is printed: words in rows under groups, and what its reader must know."""

from __future__ import annotations

from dataclasses import dataclass

from riskmap.errors import Lang


@dataclass(frozen=True, slots=True)
class ListGroup:
    """Rows of a list that belong together; `title` is empty where nothing parts them."""

    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class ListSheet:
    """A list on paper: `facts` are lines below its title. Personal data comes masked."""

    title: str
    facts: tuple[str, ...]
    headers: tuple[str, ...]
    groups: tuple[ListGroup, ...]
    demo: bool
    lang: Lang
