"""Addresses of the files on records, and what is behind them.

An address names layer, code, field and digest, and is signed for one browser session: whoever may see the record
sees its pictures, and a digest alone opens nothing. Pictures leave as renditions, documents as files to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from riskmap.actions.records.attaching import attached_to, one_file
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.io.files.attachments import KINDS
from riskmap.texts import t
from riskmap.values.attachments import RENDITIONS, Attached

PURPOSE: Final = "file"


DOCUMENT: Final = "document"  # in place of a size


Sign = Callable[[str, Any], str]


@dataclass(frozen=True, slots=True)
class Sent:
    """What an address answers: `name` where it is a file to keep, and no picture to look at."""

    content: bytes
    mime: str
    name: str = ""


def shown_files(
    ws: Workspace, layer: str, code: str, lang: Lang, sign: Sign, *, as_of: date | None = None, past: str = ""
) -> list[dict[str, str]]:
    """Return the files of a record as pages and cards show them, now or as of a past moment (`past` as addresses hold it).

    field, digest, name, told (who and when), taken, href, and thumb for a picture.
    """
    found: list[dict[str, str]] = []
    for one in attached_to(ws, layer, code, as_of=as_of):
        address = f"files/{sign(PURPOSE, [layer, code, one.field, one.file.digest, past])}"
        picture = one.file.is_picture
        found.append(
            {
                "field": one.field,
                "digest": one.file.digest,
                "kind": one.file.kind,
                "name": one.name,
                "told": t("file_told", lang, who=one.who, day=_day(one)),
                "taken": t("file_taken", lang, at=one.file.taken[:16].replace("T", " "))
                if one.file.taken
                else "",
                "href": f"{address}/{RENDITIONS[0] if picture else DOCUMENT}",
                "thumb": f"{address}/{RENDITIONS[-1]}" if picture else "",
            }
        )
    return found


def _day(one: Attached) -> str:
    return f"{datetime.fromisoformat(one.at).astimezone():%Y-%m-%d}"


def sent(ws: Workspace, named: Any, wanted: str, as_of: date | None) -> Sent | None:
    """Return what an address asks for, None for nothing of ours: a picture in a size that there is, or a document.

    UnknownNameError where the record does not have it (any more), UnreadableFileError where the original is gone.
    """
    layer, code, field, digest, *_ = named
    one = one_file(ws, layer, code, field, digest, as_of=as_of)
    if one.file.is_picture and wanted in map(str, RENDITIONS):
        return Sent(ws.files.rendition(one.file, int(wanted)), "image/jpeg")
    if not one.file.is_picture and wanted == DOCUMENT:
        return Sent(ws.files.original(digest, one.file.kind), KINDS[one.file.kind].mime, one.name)
    return None
