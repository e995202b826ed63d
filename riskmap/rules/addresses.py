"""Where an address probably is, by what a ledger knows itself: its addresses, named places and communities. Offline."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.coordinates import metres
from riskmap.errors import Text

_ABOVE: Final = re.compile(r"^(?:[^\W\d]{2,3}省)?(?:[^\W\d]{2,4}市)?(?:[^\W\d]{1,3}(?<![小社园片])区)?")


_NUMBERED: Final = re.compile(r"^.*?[路街道巷大村坊里园围苑区]\D{0,6}?\d+(?:-\d+)?号")


_BLANKS: Final = re.compile(r"[\s,，.。、;；()（）【】\[\]\-—_]+")


_LEAST_NAME: Final = 4  # letters: 泵站 stands everywhere


_LEAST_MEMBERS: Final = 3  # records that say where a community lies


_TOGETHER: Final = 200.0  # metres within which records are one place


_LARGEST: Final = 1_500.0  # metres within which a community says where something is


_NEAREST: Final = 50.0  # metres that no address is exact to


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place that was looked up: CGCS2000 degrees, exact to about `within` metres, and on what ground."""

    lon: float
    lat: float
    within: float
    ground: Text


@dataclass(slots=True)
class Gazetteer:
    """What a ledger's records say of where things are. Filled by `add`, asked by `find`."""

    _addresses: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _names: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _communities: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _begins: dict[str, set[str]] = field(default_factory=dict)  # first letters → names and communities

    def add(
        self,
        names: Iterable[object],
        addresses: Iterable[object],
        communities: Iterable[object],
        lon: Floats,
        lat: Floats,
    ) -> None:
        """Take in the records of a layer, row by row; those without a position or a text say nothing."""
        for name, address, community, x, y in zip(
            names, addresses, communities, lon.tolist(), lat.tolist(), strict=True
        ):
            if not (np.isfinite(x) and np.isfinite(y)):
                continue
            here = (x, y)
            plain = _plain(address)
            for key in {plain, _numbered(plain)} - {""}:
                self._addresses.setdefault(key, []).append(here)
            if len(word := _plain(name)) >= _LEAST_NAME:
                self._names.setdefault(word, []).append(here)
                self._begins.setdefault(word[:_LEAST_NAME], set()).add(word)
            if word := _plain(community):
                self._communities.setdefault(word, []).append(here)
                self._begins.setdefault(word[:_LEAST_NAME], set()).add(word)

    def find(self, address: object, community: object = None) -> FoundPlace | None:
        """Return where an address is: the same address, the same number, a place that it names, its community.

        None where nothing is known, or where what is known lies apart.
        """
        plain = _plain(address)
        for key in (plain, _numbered(plain)):
            if key and (found := _place(self._addresses.get(key, ()), _TOGETHER)):
                return FoundPlace(
                    *found, Text(f"台账中有同一地址“{key}”", f"the ledger has the address “{key}”")
                )
        for name in _longest_within(plain, self._names, self._begins):
            if found := _place(self._names[name], _TOGETHER):
                return FoundPlace(
                    *found, Text(f"地址写到台账中的“{name}”", f"the address names “{name}” of the ledger")
                )
        stated = _plain(community)
        for name in [stated] if stated else _longest_within(plain, self._communities, self._begins):
            members = self._communities.get(name, ())
            if len(members) >= _LEAST_MEMBERS and (found := _place(members, _LARGEST)):
                count = len(members)
                return FoundPlace(
                    *found, Text(f"{name}的 {count} 个点的中间", f"the middle of {count} records of {name}")
                )
        return None


def _longest_within(
    plain: str, known: Mapping[str, object], begins: Mapping[str, Collection[str]]
) -> list[str]:
    """Return the longest known word that a text holds, as a list of none or one."""
    words = [
        word
        for at in range(len(plain) - _LEAST_NAME + 1)
        for word in begins.get(plain[at : at + _LEAST_NAME], ())
        if word in known and plain.startswith(word, at)
    ]
    return sorted(words, key=len, reverse=True)[:1]


def _plain(text: object) -> str:
    """Return an address or a name as it is compared: without blanks, marks, province, city and district."""
    if not isinstance(text, str):
        return ""
    return _ABOVE.sub("", _BLANKS.sub("", unicodedata.normalize("NFKC", text)).casefold())


def _numbered(plain: str) -> str:
    """东门南路1006号2栋 → 东门南路1006号; "" without a number."""
    found = _NUMBERED.match(plain)
    return found[0] if found else ""


def _place(places: Sequence[tuple[float, float]], most: float) -> tuple[float, float, float] | None:
    """Return the middle of places and how far the farthest lies, metres; None where that is more than `most`."""
    if not places:
        return None
    lon, lat = np.array(places, np.float64).T
    middle = float(np.median(lon)), float(np.median(lat))
    x, y = metres(np.append(lon, middle[0]), np.append(lat, middle[1]), around=middle[0])
    far = float(np.quantile(np.hypot(x[:-1] - x[-1], y[:-1] - y[-1]), 0.9))
    return None if far > most else (*middle, max(far, _NEAREST))
