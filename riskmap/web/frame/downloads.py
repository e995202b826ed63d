"""Files behind an address: made when they are asked for, handed over, thrown away.

Every file that leaves by a page goes this way, never by `st.download_button`: that puts its bytes under an
address which anybody may ask for.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import streamlit as st

from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.io.files.leftovers import mark
from riskmap.io.writers import export_formats
from riskmap.moments import as_of_text, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.selection import Selection
from riskmap.web.frame.security import ForbiddenError, Signer
from riskmap.web.frame.state import as_of, lang, past_of, say, session, signed

_PIECE: Final = 1 << 18


PURPOSE: Final = "download"


SHORT_S: Final = 30 * 60  # how long a file with full contacts can be fetched


_DAY_S: Final = 24 * 3600


_MOST: Final = 512  # offers at once; older ones are let go


_NAMES: Final = "download-names"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One export: which records (of now, or of a past day or moment as addresses hold it), in which format,
    under which name.
    """

    selection: Selection
    format: str
    filename: str
    lang: Lang
    past: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What only a page can make, under its file name, for one browser session, until a moment (monotonic s).

    `make` runs when the file is fetched, outside the page: it is told language and person beforehand. A file that
    it names stays where it is.
    """

    session: str
    filename: str
    make: Callable[[], bytes | Path]
    until: float


class Offers:
    """The offers of all pages by their names, which are in signed addresses only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: OrderedDict[str, Offer] = OrderedDict()
        self._lock, self._clock = Lock(), clock

    def put(self, name: str, offer: Offer) -> None:
        """Keep an offer in place of an earlier one of its name; drop those that have run out."""
        with self._lock:
            self._kept[name] = offer
            self._kept.move_to_end(name)
            over = [old for old, one in self._kept.items() if one.until < self._clock()]
            for old in (*over, *list(self._kept)[: max(0, len(self._kept) - _MOST)]):
                self._kept.pop(old, None)

    def get(self, name: str, session: str) -> Offer:
        """Return an offer. ForbiddenError where it has run out or is another session's."""
        with self._lock:
            found = self._kept.get(name)
        if found is None or found.session != session or found.until < self._clock():
            raise ForbiddenError
        return found


offers: Final = Offers()


def address(wanted: Wanted) -> str:
    """Return the address of an export, relative to the app's base; for this browser session, good for a day."""
    return _address([wanted.selection.to_text(), wanted.format, wanted.filename, wanted.lang, wanted.past])


def offer(key: str, filename: str, make: Callable[[], bytes | Path], *, until: float | None = None) -> str:
    """Return the address of what `make` makes; the same for the same key of this page, also when drawn anew."""
    name = st.session_state.setdefault(_NAMES, {}).setdefault(key, secrets.token_urlsafe(12))
    offers.put(name, Offer(session(), filename, make, time.monotonic() + _DAY_S if until is None else until))
    return _address([name])


def _address(value: list[str]) -> str:
    return f"download/{signed(PURPOSE, value)}{'' if lang() == 'zh' else f'?lang={lang()}'}"


def asked(signer: Signer, token: str, session: str) -> Wanted | Offer:
    """Read an address. ForbiddenError when it is not ours, another session's, or has run out."""
    match signer.read(PURPOSE, token, session):
        case [str(name)]:
            return offers.get(name, session)
        case [text, ending, filename, lang, past] if ending in export_formats():
            return Wanted(Selection.from_text(text), ending, filename, lang, past)
        case _:
            raise ForbiddenError


@dataclass(frozen=True, slots=True)
class Sent:
    """A file on its way: its name, its length in bytes, and its content in pieces."""

    name: str
    length: int
    pieces: Iterable[bytes]


def made(ws: Workspace, asked: Wanted | Offer) -> Sent:
    """Make what an address asks for. Raises ExportError, or what the maker of an offer refuses."""
    if isinstance(asked, Offer):
        return sent(asked.filename, asked.make())
    file = written(ws, asked)
    return Sent(sent_name(asked, file), file.stat().st_size, _handed_over(file))


def sent(name: str, content: bytes | Path) -> Sent:
    """Return what there is already, on its way under a name; a file stays where it is."""
    if isinstance(content, Path):
        return Sent(name, content.stat().st_size, _pieces(content))
    return Sent(name, len(content), (content,))


def file_name(title: str, ending: str) -> str:
    """Return a name for a download that every system takes: title, what past it shows, date, ending."""
    plain = "".join(c for c in title if c.isalnum() or c in "-_ ").strip() or "riskmap"
    if past := as_of():
        plain += f"-{say('past_file', when=as_of_text(past).replace(':', '').replace(' ', '-'))}"
    return f"{plain}-{local_now():%Y%m%d-%H%M}.{ending}"


def written(ws: Workspace, wanted: Wanted, *, progress: Progress = UNWATCHED) -> Path:
    """Write the export to a folder of its own and return the file. Raises ExportError, Cancelled.

    Where a format needs several files (a table per layer), they come as one archive.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"riskmap{mark()}"))
    file = folder / f"export.{wanted.format}"
    try:
        past = past_of(wanted.past)
        document = export_selection(
            ws, wanted.selection, file, as_of=past, lang=wanted.lang, progress=progress
        )
        parts = sorted({Path(part["path"]) for part in document["files"]})
        return file if parts in ([], [file]) else _packed(folder, parts)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _packed(folder: Path, parts: list[Path]) -> Path:
    archive = folder / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for part in parts:
            out.write(part, part.name.removeprefix("export").lstrip("-_.") or part.name)
    return archive


def sent_name(wanted: Wanted, file: Path) -> str:
    """Return the name under which a made file is handed over."""
    if file.name.endswith(f".{wanted.format}"):
        return wanted.filename
    return wanted.filename.removesuffix(f".{wanted.format}") + file.suffix


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while piece := content.read(_PIECE):
            yield piece


def _handed_over(file: Path) -> Iterator[bytes]:
    """Yield an export in pieces, and remove it when it was handed over or nobody waits any more."""
    try:
        yield from _pieces(file)
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)
