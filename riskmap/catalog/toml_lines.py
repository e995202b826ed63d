"""Where each key and each value of a TOML text stands. Python's own reader does not say.

The scanner runs only over text that `tomli` has accepted, so it may trust the grammar.
"""

from __future__ import annotations

import re
from bisect import bisect_right

import tomli

KeyPath = tuple[str | int, ...]


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


_BARE = re.compile(r"[A-Za-z0-9_-]+")


_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)


_PLAIN = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the 1-based line of every key, table, array item and inline key of valid TOML.

    `[[fields]]` tables count from 0: the third one is `("fields", 2)`.
    """
    return _Scanner(text).scan()


def value_spans(text: str) -> dict[KeyPath, tuple[int, int]]:
    """Return where each single value (no list, no table) of valid TOML begins and ends in the text.

    What stands there is the value as it is written, quotes included: `text[start:end]`.
    """
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.spans


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.spans: dict[KeyPath, tuple[int, int]] = {}
        self.tables: dict[KeyPath, int] = {}  # arrays of tables → how many so far
        self.breaks = [i for i, c in enumerate(text) if c == "\n"]

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip()
        return self.lines

    def _header(self) -> KeyPath:
        start = self.at
        width = 2 if self.text.startswith("[[", start) else 1
        self.at += width
        parts = self._key()
        self.at += width
        path: KeyPath = ()
        for depth, part in enumerate(parts, 1):
            path = (*path, part)
            if depth == len(parts) and width == 2:  # noqa: PLR2004 - "[["
                self.lines.setdefault(path, self._line(start))
                self.tables[path] = self.tables.get(path, 0) + 1
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
            self.lines.setdefault(path, self._line(start))
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, self._line(start))
        self.at += 1  # "="
        self._skip()
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip()
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE.match(self.text, self.at)
            if found is None:
                return parts
            self.at = found.end()
            parts.append(tomli.loads(f"k = {found[0]}")["k"] if quoted else found[0])
            self._skip()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline(path)
        else:
            found = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            end = found.end() if found else len(self.text)
            written = self.text[self.at : end].rstrip()
            self.spans[path] = (self.at, self.at + len(written))
            self.at = end

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        self._skip()
        while self.text[self.at] != "]":
            self.lines.setdefault((*path, index), self._line(self.at))
            self._value((*path, index))
            index += 1
            self._comma()
        self.at += 1

    def _inline(self, path: KeyPath) -> None:
        self.at += 1
        self._skip()
        while self.text[self.at] != "}":
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        self._skip()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip()

    def _skip(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _line(self, at: int) -> int:
        return bisect_right(self.breaks, at - 1) + 1 if at else 1
