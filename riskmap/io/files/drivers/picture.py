"""Pictures: what they are, what their camera says, and two renditions to look at, made once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from PIL import ExifTags, Image, ImageOps

from riskmap.errors import UnreadableFileError
from riskmap.values.attachments import RENDITIONS, rendition_name

MOST_PIXELS: Final = 60_000_000


FORMATS: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


_ON_ITS_SIDE: Final = 5  # orientations from here on are turned by a quarter


_MOMENT: Final = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")


_BROKEN_EXIF: Final = (ValueError, TypeError, KeyError, IndexError, ArithmeticError, SyntaxError, OSError)


def read(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return facts of a picture and write its renditions: upright JPEG without anything that the file said besides.

    A picture of more than `MOST_PIXELS` is refused before it is unpacked.
    """
    limit_pixels()
    try:
        with Image.open(request["path"], formats=[FORMATS[request["kind"]]]) as image:
            exif = _exif(image)
            facts = _facts(image.size, exif)
            image.thumbnail((RENDITIONS[0], RENDITIONS[0]), reducing_gap=2.0)
            large = _plain(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as problem:
        most = MOST_PIXELS // 1_000_000
        raise UnreadableFileError(
            f"图片超过 {most} 百万像素；请缩小后再上传",
            f"the picture has more than {most} million pixels; make it smaller",
        ) from problem
    for size in RENDITIONS:
        large.thumbnail((size, size), reducing_gap=2.0)
        large.save(folder / rendition_name(size), "JPEG", quality=82)
    return facts


def limit_pixels() -> None:
    """Refuse a picture of more than `MOST_PIXELS` before it is unpacked, in this process from now on."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture on white, in colours that JPEG has, with nothing beside its pixels."""
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    plain = image.convert("RGB")
    plain.info = {}  # a comment would be written again
    return plain


def _exif(image: Image.Image) -> Mapping[str, Any]:
    """Return what the camera wrote, by the names of the tags; what cannot be read is left out."""
    found: dict[str, Any] = {}
    with suppress(*_BROKEN_EXIF):
        exif = image.getexif()
        found["Orientation"] = exif.get(ExifTags.Base.Orientation)
        found["DateTime"] = exif.get(ExifTags.Base.DateTime)
        found |= _named(exif, ExifTags.IFD.Exif, ExifTags.TAGS)
        found |= _named(exif, ExifTags.IFD.GPSInfo, ExifTags.GPSTAGS)
    return found


def _named(exif: Image.Exif, part: int, names: Mapping[int, str]) -> dict[str, Any]:
    return {names.get(tag, str(tag)): value for tag, value in exif.get_ifd(part).items()}


def _facts(size: tuple[int, int], exif: Mapping[str, Any]) -> dict[str, Any]:
    turned = exif.get("Orientation")
    width, height = size[::-1] if isinstance(turned, int) and _ON_ITS_SIDE <= turned <= 8 else size  # noqa: PLR2004
    lon, lat = _degrees(exif, "GPSLongitude", 180), _degrees(exif, "GPSLatitude", 90)
    placed = lon is not None and lat is not None and (lon, lat) != (0.0, 0.0)
    return {
        "width": width,
        "height": height,
        "turned": turned if isinstance(turned, int) else 1,
        "taken": next(_moments(exif), None),
        "lon": lon if placed else None,
        "lat": lat if placed else None,
    }


def _moments(exif: Mapping[str, Any]) -> Iterator[str]:
    """Yield when the picture was taken: local time of a clock that nobody knows, so without a zone."""
    for tag in ("DateTimeOriginal", "DateTimeDigitized", "DateTime"):
        found = _MOMENT.fullmatch(str(exif.get(tag, "")).strip("\0 "))
        if found and found[1] > "1900":
            yield f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"


def _degrees(exif: Mapping[str, Any], tag: str, most: float) -> float | None:
    with suppress(*_BROKEN_EXIF):
        degrees, minutes, seconds = (float(part) for part in exif[tag])
        sign = -1.0 if str(exif.get(f"{tag}Ref", "")).strip("\0 ").upper() in {"S", "W"} else 1.0
        value = sign * (degrees + minutes / 60 + seconds / 3600)
        return round(value, 7) if abs(value) <= most else None
    return None
