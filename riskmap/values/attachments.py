"""A picture or document that hangs on a record: what it is, and where it hangs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from riskmap.values.records import Value

PREFIX: Final = "file:"


"""What the key of a field of files begins with in records, revisions and changes, where a field has its id."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it was taken in, named by the SHA-256 of its bytes.

    `kind`: jpg, png, webp, pdf, docx or xlsx. `size` in bytes; `width` and `height` in pixels, as the picture is
    looked at. What a camera wrote into a picture, None where it did not: `taken`, its local time without a zone
    (2026-05-01T10:20:30), and `lon`, `lat` in degrees, WGS84.
    """

    digest: str
    kind: str
    size: int
    width: int | None = None
    height: int | None = None
    taken: str | None = None
    lon: float | None = None
    lat: float | None = None

    @property
    def is_picture(self) -> bool:
        """Tell whether there are renditions to look at."""
        return self.width is not None


@dataclass(frozen=True, slots=True)
class Attached:
    """A file on a record: in which field, under which name; who put it there and when (ISO, UTC)."""

    field: str
    name: str
    file: Attachment
    who: str = ""
    at: str = ""


RENDITIONS: Final = (1600, 320)  # pixels along the longer side of a picture to look at


def rendition_name(size: int) -> str:
    """Return how the reader calls the rendition of a size."""
    return f"{size}.jpg"


FileList = tuple[tuple[str, str], ...]  # digest and name of each file of one field, in their order


_LINE: Final = re.compile(r"([0-9a-f]{64})  (.+)")


def files_key(field: str) -> str:
    """Return the key of a field of files in a record."""
    return PREFIX + field


def is_files(key: str) -> bool:
    """Tell whether a key is that of a field of files."""
    return key.startswith(PREFIX)


def files_text(files: Iterable[tuple[str, str]]) -> str | None:
    """Return what a record says of its files: a line each, as sha256sum writes it; None where it has none."""
    return "\n".join(f"{digest}  {name}" for digest, name in files) or None


def read_files(text: Value) -> FileList:
    """Return the files that such a text means."""
    lines = text.split("\n") if isinstance(text, str) else []
    return tuple((found[1], found[2]) for line in lines if (found := _LINE.fullmatch(line)))


def files_of(values: Mapping[str, Value]) -> dict[str, FileList]:
    """Return field → files of what a record says."""
    return {key.removeprefix(PREFIX): read_files(text) for key, text in values.items() if is_files(key)}
