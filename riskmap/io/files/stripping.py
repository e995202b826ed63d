"""Pictures without what they say besides their pixels: position, telephone, comments, whatever hangs behind the end.

Byte by byte: the pixels are those of the original. A picture that stands upright only by its EXIF has to be turned
first; that is `None` here, and the reader's process does it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_ORIENTATION: Final = 0x0112


_UPRIGHT: Final = 1


_EXIF: Final = b"Exif\0\0"


def stripped(content: bytes, kind: str) -> bytes | None:
    """Return a picture (jpg, png, webp) without what it says besides its pixels; None where it has to be turned.

    ValueError where it is not laid out as such a picture is.
    """
    try:
        kept = [*{"jpg": _jpeg, "png": _png, "webp": _webp}[kind](content)]
    except (struct.error, IndexError) as problem:
        raise ValueError(f"no {kind} from end to end") from problem
    parts: list[bytes] = []
    for piece, exif in kept:
        if exif is not None and _orientation(exif) != _UPRIGHT:
            return None
        parts.append(piece)
    whole = b"".join(parts)
    return _sized(whole) if kind == "webp" else whole


Pieces = Iterator[tuple[bytes, bytes | None]]  # what is kept, and EXIF that is not


_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_SAID: Final = frozenset(
    {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}
)  # APP1, APP3-13, APP15, COM: APP2 is colour, APP14 too
_START_OF_SCAN, _END = 0xDA, 0xD9


def _jpeg(content: bytes) -> Pieces:
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    yield content[:2], None
    at = 2
    while True:
        if content[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise ValueError("no marker")
        code = content[at + 1]
        if code == 0xFF:  # noqa: PLR2004 - filled up
            at += 1
        elif code == _END:
            yield b"\xff\xd9", None  # whatever comes behind is no picture
            return
        elif code in _BARE:
            yield content[at : at + 2], None
            at += 2
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            end = at + 2 + length
            segment = content[at:end]
            if len(segment) != length + 2:
                raise ValueError("cut off")
            body = segment[4:]
            if code in _SAID or (code == 0xE2 and not body.startswith(b"ICC_PROFILE\0")):  # noqa: PLR2004
                yield b"", body[len(_EXIF) :] if code == 0xE1 and body.startswith(_EXIF) else None  # noqa: PLR2004
            else:
                yield segment, None
            at = end
            if code == _START_OF_SCAN:
                end = _end_of_scan(content, at)
                yield content[at:end], None
                at = end


def _end_of_scan(content: bytes, at: int) -> int:
    """Return where the coded pixels end: at a marker that is neither stuffed nor a restart."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] not in {0, *range(0xD0, 0xD8)}:
            return at
        at += 2


_DRAWS: Final = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"pHYs",
        b"bKGD",
    }
)


def _png(content: bytes) -> Pieces:
    head = b"\x89PNG\r\n\x1a\n"
    if not content.startswith(head):
        raise ValueError("no PNG")
    yield head, None
    at = len(head)
    while True:
        (length,) = struct.unpack_from(">I", content, at)
        name, end = content[at + 4 : at + 8], at + 12 + length
        if len(content) < end:
            raise ValueError("cut off")
        if name in _DRAWS:
            yield content[at:end], None
        else:
            yield b"", content[at + 8 : end - 4] if name == b"eXIf" else None
        if name == b"IEND":
            return
        at = end


_WEBP_DRAWS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_SAYS: Final = 0b0000_1100  # flags of VP8X: EXIF, XMP


def _webp(content: bytes) -> Pieces:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise ValueError("no WebP")
    whole = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    yield content[:12], None
    at = 12
    while at + 8 <= whole:
        name, (length,) = content[at : at + 4], struct.unpack_from("<I", content, at + 4)
        end = at + 8 + length + length % 2
        if whole < at + 8 + length:
            raise ValueError("cut off")
        body = content[at + 8 : at + 8 + length]
        if name == b"VP8X":
            yield (
                content[at : at + 8]
                + bytes([body[0] & ~_WEBP_SAYS])
                + body[1:]
                + content[at + 8 + length : end],
                None,
            )
        elif name in _WEBP_DRAWS:
            yield content[at:end], None
        else:
            yield b"", body.removeprefix(_EXIF) if name == b"EXIF" else None
        at = end


def _sized(whole: bytes) -> bytes:
    """Return a WebP with the length that it has by now."""
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def _orientation(exif: bytes) -> int:
    """Return how EXIF says that the picture stands; upright where it says nothing that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else _UPRIGHT  # noqa: PLR2004 - that many there are
    except struct.error:
        pass
    return _UPRIGHT
