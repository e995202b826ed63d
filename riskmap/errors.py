"""One exception tree. Every message names the place, what was found there and the remedy.

The message is Chinese first, because the people who read it are; English stands beside it where
the two are short enough, and the command line and the pages may ask for either with `.text(lang)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Lang = Literal["zh", "en"]


# An address, up to the last @ before its text ends: a password may hold / ? : and @ itself.
_SIGNED_IN: Final = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^\s\"'“”，；]*@")


_KEYS: Final = re.compile(r"(?i)([?&][^\s=&]*(?:pass|pwd|token|secret|key)[^\s=&]*=)[^\s&\"'“”，；]+")


def without_secrets(text: str) -> str:
    """Return a text with the user and password of its addresses, and the keys in queries (or paths), as ***."""
    return _KEYS.sub(r"\1***", _SIGNED_IN.sub(r"\1***@", text) if "://" in text else text)


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages of the product."""

    zh: str
    en: str

    @classmethod
    def listed(cls, many: Sequence[Text], most: int = 20) -> Text:
        """Return sentences on a line each: the first ones, and how many more there are."""
        more = len(many) - most
        zh, en = ([one.text(lang) for one in many[:most]] for lang in ("zh", "en"))
        if more > 0:
            zh, en = [*zh, f"……另有 {more} 处"], [*en, f"… and {more} more"]
        return cls("\n".join(zh), "\n".join(en))

    def text(self, lang: Lang = "zh") -> str:
        """Return the sentence in `lang`."""
        return self.zh if lang == "zh" else self.en

    def __str__(self) -> str:
        return f"{self.zh} ({self.en})" if self.en else self.zh


_NOTHING: Final = Text("", "")


def meant(near: str, otherwise: Text = _NOTHING) -> Text:
    """Return how a message about an unknown word ends: what was probably meant, `otherwise` where nothing is near."""
    return Text(f"；是否想写 {near}？", f"; did you mean {near}?") if near else otherwise


class RiskmapError(Exception):
    """Anything riskmap refuses to do. `zh` and `en` say where, what was found, and what to do, and no secret."""

    def __init__(self, zh: str, en: str) -> None:
        self.say = Text(without_secrets(zh), without_secrets(en))
        super().__init__(self.say.zh, self.say.en)

    def text(self, lang: Lang = "zh") -> str:
        """Return the message in `lang`."""
        return self.say.text(lang)

    def as_json(self, lang: Lang = "zh") -> dict[str, str | None]:
        """Return the document of a refusal: the whole message, and as far as it says them, its place and remedy."""
        message, (colon, end) = self.text(lang), ("：", "；") if lang == "zh" else (": ", "; ")
        place, said, _ = message.partition(colon)
        _, told, remedy = message.rpartition(end)
        placed = said and end not in place
        return {"message": message, "place": place if placed else None, "remedy": remedy if told else None}

    def __str__(self) -> str:
        return str(self.say)


class WorkspaceError(RiskmapError):
    """The directory is not a workspace, or its workspace.toml cannot be used."""


@dataclass(frozen=True, slots=True)
class CatalogProblem:
    """One mistake in a layer, model or workspace file.

    `file` as given, `key` the dotted key path, `line` 1-based where it could be told, `found` the
    offending text, `expected` in words, `hint` a "did you mean" or an empty string.
    """

    file: str
    key: str
    found: str
    expected: Text
    hint: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """File, line and key."""
        return f"{self.file}{f':{self.line}' if self.line else ''} › {self.key}"

    @property
    def remedy(self) -> Text:
        """What should stand there."""
        end = meant(self.hint)
        return Text(f"应为{self.expected.zh}{end.zh}", f"expected {self.expected.en}{end.en}")

    def text(self, lang: Lang = "zh") -> str:
        """Return one line: place, find, remedy."""
        remedy, found = self.remedy.text(lang), without_secrets(self.found)
        return (
            f"{self.place}：找到 {found}，{remedy}"
            if lang == "zh"
            else f"{self.place}: found {found}, {remedy}"
        )


class CatalogError(RiskmapError):
    """Layer, model or workspace files with mistakes; `problems` holds every one of them."""

    def __init__(self, problems: tuple[CatalogProblem, ...]) -> None:
        self.problems = problems
        super().__init__(
            "配置文件有误：\n" + "\n".join(p.text("zh") for p in problems),
            "mistakes in configuration files:\n" + "\n".join(p.text("en") for p in problems),
        )

    def as_json(self, lang: Lang = "zh") -> dict[str, str | None]:
        """Return the document of a refusal; place and remedy are those of the first mistake."""
        first = self.problems[0]
        return {"message": self.text(lang), "place": first.place, "remedy": first.remedy.text(lang)}


class UnknownNameError(RiskmapError):
    """A layer, model, field, tier, sub-district or code that does not exist."""


class UnreadableFileError(RiskmapError):
    """A file that cannot be opened, is not what its ending says, or is refused as unsafe."""


class UncodedRowsError(UnreadableFileError):
    """A list whose rows have no codes, while nobody said how they are to get one."""


class DatumError(RiskmapError):
    """The coordinate system is missing, unknown or contradicts the file."""


@dataclass(frozen=True, slots=True)
class StaleRow:
    """A record that moved on: `seen` is the version the writer had, `current` the ledger's.

    `mine` and `theirs` map each field that differs to the value on either side.
    """

    code: str
    seen: int
    current: int
    mine: dict[str, object]
    theirs: dict[str, object]


class StaleRevisionError(RiskmapError):
    """A write named a version that is no longer the ledger's.

    `rows` holds every such record of the write; `code`, `seen`, `current`, `mine` and `theirs` are
    those of the first.
    """

    def __init__(
        self,
        layer: str,
        code: str,
        *,
        seen: int,
        current: int,
        mine: dict[str, object] | None = None,
        theirs: dict[str, object] | None = None,
    ) -> None:
        self.layer, self.code, self.seen, self.current = layer, code, seen, current
        self.mine, self.theirs = mine or {}, theirs or {}
        self.rows = (StaleRow(code, seen, current, self.mine, self.theirs),)
        super().__init__(
            f"{layer} › {code}：您看到的是第 {seen} 版，台账已是第 {current} 版，未写入；请对照两个版本后重新保存",
            f"{layer} › {code}: you saw version {seen}, the ledger holds version {current}; "
            "nothing was written, compare both versions and save again",
        )

    @classmethod
    def of(cls, layer: str, rows: Sequence[StaleRow]) -> StaleRevisionError:
        """Return the error about the stale records of one write; at least one."""
        first = rows[0]
        error = cls(
            layer,
            first.code,
            seen=first.seen,
            current=first.current,
            mine=first.mine,
            theirs=first.theirs,
        )
        error.rows = tuple(rows)
        if len(rows) > 1:
            error.say = Text(
                f"{error.say.zh}（另有 {len(rows) - 1} 条记录同样已被改动）",
                f"{error.say.en} ({len(rows) - 1} other records have moved on, too)",
            )
        return error


class StaleModelError(RiskmapError):
    """A model was to be saved over a text that its writer had not seen.

    `mine` is the text that was not written, `theirs` the one that the model file holds now.
    """

    def __init__(self, model: str, *, mine: str, theirs: str, version: str) -> None:
        self.model, self.mine, self.theirs, self.version = model, mine, theirs, version
        super().__init__(
            f"评分模型 {model}：您打开之后，模型文件已被改动，现为版本 {version or '—'}，未写入；请对照两份内容后重新保存",
            f"scoring model {model}: its file was changed after you opened it and is now version {version or '-'}; "
            "nothing was written, compare both texts and save again",
        )


class LedgerError(RiskmapError):
    """The ledger cannot be opened, is not a ledger, or refuses a write."""


class RefusedError(RiskmapError):
    """Values that the rules of their layer refuse; nothing was written. `refusals` holds every one of them."""

    def __init__(self, refusals: tuple[Text, ...], zh: str, en: str) -> None:
        self.refusals = refusals
        super().__init__(zh, en)

    @classmethod
    def of(cls, refusals: Sequence[Text]) -> RefusedError:
        """Return the error about refused values; its message shows the first of them."""
        listed = Text.listed(refusals)
        return cls(tuple(refusals), f"{listed.zh}；未写入", f"{listed.en}; nothing was written")


class SelectionError(RiskmapError):
    """A filter that cannot be understood."""


class ExportError(RiskmapError):
    """A file that cannot be written."""


class FormulaError(RiskmapError):
    """Numbers that a formula cannot mean anything for: an inconsistent comparison, a negative share."""


class TableFileError(RiskmapError):
    """A table with mistakes, of which nothing is taken; `problems` holds every one, with file, row and column."""

    _SHOWN = 20

    def __init__(self, problems: tuple[Text, ...]) -> None:
        self.problems = problems
        shown, more = problems[: self._SHOWN], len(problems) - self._SHOWN
        super().__init__(
            "\n".join(p.zh for p in shown) + (f"\n……另有 {more} 处" if more > 0 else ""),
            "\n".join(p.en for p in shown) + (f"\n… and {more} more" if more > 0 else ""),
        )


class NotFittedError(RiskmapError):
    """A score that compares with the whole layer was asked for before the layer was fitted."""


class NotAllowedError(RiskmapError):
    """Somebody asked for what they have no right to; nothing was done."""


class NotScoredError(RiskmapError):
    """A change that was not written, because the records that it touches could not be scored."""


class ArtefactError(RiskmapError):
    """A trained model file that is missing, is not the one its scoring model names, or does not fit it."""


class LearnedError(RiskmapError):
    """A trained artefact that is not what it should be, or a table that it cannot judge."""
