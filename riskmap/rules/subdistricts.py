"""Sub-districts by name: in a column, a section line, a sheet's name, a title or a file's name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from riskmap.letters import simplified

_OFFICE = re.compile(r"(?:(?:街道|镇)(?:办事处|办|党工委|综合网格|人民政府|政府)|街办)$")


# At the start, after a foreign character or after 市/区/县; 镇 only where the word ends (城镇燃气 is no name).
_NAMED = re.compile(
    r"(?:^|(?<=[^\u4e00-\u9fff])|(?<=[市区县省]))([\u4e00-\u9fff]{2,5}?(?:街道|镇(?=$|[^\u4e00-\u9fff]|人民政府|政府)))"
)


# Words that stand before a name in titles and file names, and what makes a match no name.
_BEFORE = re.compile(r"^(?:.*(?:省|市|新?区|县|自治州|自治县))?")


_NOT_NAMES = re.compile(
    r"风险|隐患|台账|汇总|单位|填报|安全|分类|城镇|乡镇|村镇|^(?:各|本|全|该|辖|所属|所在|所辖|某|有关|相关|填报|上报|属地|我|贵|下属|每个|[xX×某]+)"
)


_SECTION = re.compile(
    r"^(?:[(（]?[一二三四五六七八九十\d]+[)）、.．]\s*)?([^,，。;；:：]{2,10}?)\s*(?:[(（].*[)）]|[:：].*|\s*共?\d+\s*[处个条宗]?)?$"
)


class StreetNames(tuple[str, ...]):  # noqa: SLOT001 - a tuple takes no slots with names
    """The district's names of its sub-districts, which also say what some of them were called before.

    `former`: old name → the one of today; `communities`: the same of communities.
    """

    former: Mapping[str, str]
    communities: Mapping[str, str]

    def __new__(
        cls,
        names: Iterable[str],
        former: Mapping[str, str] | None = None,
        communities: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the names of today with those of before."""
        made = super().__new__(cls, names)
        made.former, made.communities = dict(former or {}), dict(communities or {})
        return made


@dataclass(frozen=True, slots=True)
class Naming:
    """The district's own names of its sub-districts, () where they are not known.

    `former`: what some were called before → what they are called; `communities`: the same of communities.
    """

    known: tuple[str, ...]
    former: Mapping[str, str] = field(default_factory=dict[str, str])
    communities: Mapping[str, str] = field(default_factory=dict[str, str])

    def renamed(self, stated: str) -> tuple[str, str] | None:
        """Return the name of before that is stated, and the one of today; None where it is none."""
        text = _short_office(simplified("".join(unicodedata.normalize("NFKC", stated).split())))
        for candidate in (text, _BEFORE.sub("", text) or text):
            for old, new in self.former.items():
                if _stem(simplified(old)) == _stem(candidate) and candidate != simplified(new):
                    return old, new
        return None

    def canonical(self, stated: str) -> tuple[str, bool]:
        """Return the name as the district writes it, and whether it is one of the district's."""
        written = "".join(unicodedata.normalize("NFKC", stated).split())
        text = _short_office(simplified(written))
        by_stem = {_stem(simplified(old)): new for old, new in self.former.items()}
        by_stem |= {_stem(simplified(k)): k for k in self.known}
        for candidate in (text, _BEFORE.sub("", text) or text):
            if (found := by_stem.get(_stem(candidate))) is not None:
                return found, True
        return _short_office(written), not self.known

    def in_text(self, text: str | None) -> str | None:
        """Return the one sub-district that a title or a name speaks of; None for none or for two."""
        if not text:
            return None
        plain = unicodedata.normalize("NFKC", text)
        if self.known or self.former:
            words, names = simplified(plain), {k: simplified(k) for k in (*self.known, *self.former)}
            found = {k for k, name in names.items() if name in words}
            if not found:
                found = {k for k, name in names.items() if len(_stem(name)) >= 2 and _stem(name) in words}  # noqa: PLR2004 - one letter is no name
            if len(found) > 1:  # the names of before and of today of one
                found = {self.former.get(name, name) for name in found}
            if found:
                return found.pop() if len(found) == 1 else None
        named = {name for match in _NAMED.finditer(plain) if (name := self._clean(match[1]))}
        return named.pop() if len(named) == 1 else None

    def section(self, line: str) -> str | None:
        """Return the sub-district that a lone line (一、东门街道（12处）) announces."""
        match = _SECTION.match(unicodedata.normalize("NFKC", line).strip())
        if not match:
            return None
        if (before := self.renamed(match[1])) is not None:
            return before[0]
        name, ours = self.canonical(match[1])
        if self.known and ours:
            return name
        return name if name.endswith(("街道", "镇")) and self._clean(name) == name else None

    @staticmethod
    def _clean(name: str) -> str | None:
        short = _BEFORE.sub("", name) or name
        if len(short.removesuffix("街道").removesuffix("镇")) < 2 or _NOT_NAMES.search(short):  # noqa: PLR2004
            return None
        return short


def _short_office(text: str) -> str:
    """东门街道办事处, 东门街办 → 东门街道."""
    return _OFFICE.sub(lambda m: "镇" if m[0].startswith(("镇", "鎮")) else "街道", text).removesuffix(
        "办事处"
    )


def _stem(name: str) -> str:
    return name.removesuffix("街道").removesuffix("镇")


def naming(subdistricts: Sequence[str]) -> Naming:
    """Return the naming of a district."""
    known = tuple(dict.fromkeys(s.strip() for s in subdistricts if s.strip()))
    if isinstance(subdistricts, StreetNames):
        return Naming(known, subdistricts.former, subdistricts.communities)
    return Naming(known)


def first_named(names: Naming, texts: Iterable[str | None]) -> str | None:
    """Return the first sub-district that any of the texts names."""
    return next((found for text in texts if (found := names.in_text(text))), None)
