"""Pictures and documents as they are attached: honest ones, and those that somebody made on purpose."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import docx
import numpy as np
import xlsxwriter
from PIL import ExifTags, Image

PLACE = (114.120219, 22.628739)
TAKEN = "2026-05-01T10:20:30"


def _sexagesimal(value: float) -> tuple[Fraction, Fraction, Fraction]:
    minutes = abs(value) * 60
    return (
        Fraction(int(minutes // 60)),
        Fraction(int(minutes % 60)),
        Fraction(round((minutes % 1) * 60, 4)).limit_denominator(10_000),
    )


def pixels(width: int, height: int, seed: int = 7) -> Image.Image:
    """Return a picture whose upper left quarter is red on a ground that compresses as a photograph does."""
    ground = np.random.default_rng(seed).integers(
        60, 200, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8
    )
    image = Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)
    image.paste((220, 20, 20), (0, 0, width // 2, height // 2))
    return image


def photo(
    width: int = 640, height: int = 480, *, turned: int = 1, placed: bool = True, seed: int = 7
) -> bytes:
    """Return a JPEG as a telephone writes it: turned by its EXIF, with position, time and a comment."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    exif[ExifTags.Base.Make] = "Telephone"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:01 10:20:30"
    if placed:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", _sexagesimal(PLACE[1])
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", _sexagesimal(PLACE[0])
    out = io.BytesIO()
    pixels(width, height, seed).save(out, "JPEG", quality=88, exif=exif, comment=b"secret comment")
    return out.getvalue()


def picture(kind: str, width: int = 300, height: int = 200) -> bytes:
    """Return a picture without anything besides its pixels."""
    out = io.BytesIO()
    pixels(width, height).save(out, kind)
    return out.getvalue()


def png_bomb(side: int = 30_000) -> bytes:
    """Return a PNG of a tenth of a megabyte that would unpack to 900 million pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def document(text: str = "整改报告") -> bytes:
    """Return a docx."""
    out = io.BytesIO()
    paper = docx.Document()
    paper.add_paragraph(text)
    paper.save(out)
    return out.getvalue()


def workbook() -> bytes:
    """Return an xlsx."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet("表").write(0, 0, "编号")
    book.close()
    return out.getvalue()


def pdf() -> bytes:
    """Return a PDF of one page."""
    out = io.BytesIO()
    pixels(200, 200).save(out, "PDF")
    return out.getvalue()


def zipped(**members: bytes | str) -> bytes:
    """Return an archive; `__` in a name stands for a stroke, `_DOT_` for a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return out.getvalue()


FIELDS = """
[[fields]]
id = "photos"
title = { zh = "现场照片", en = "Photos" }
type = "file"
several = true
media = ["image", "pdf"]

[[fields]]
id = "plan"
title = { zh = "处置方案", en = "Plan" }
type = "file"
"""


def with_file_fields(root: Path, layer: str = "risk_points") -> None:
    """Give a layer of a workspace a field for pictures, several of them, and one for any one document."""
    path = root / "layers" / f"{layer}.toml"
    text = path.read_text(encoding="utf-8")
    head, mark, rest = text.partition("\n[[contacts]]")
    path.write_text(f"{head}\n{FIELDS}{mark}{rest}", encoding="utf-8")
