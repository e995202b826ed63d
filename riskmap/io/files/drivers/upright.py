"""A picture as it is looked at: turned as its EXIF says, in its own format and size, with nothing beside its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from riskmap.io.files.drivers.picture import FORMATS, limit_pixels

_UPRIGHT: Final = "upright"  # as `attachments` asks for it


def read(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the picture turned; return nothing to tell."""
    limit_pixels()
    form = FORMATS[request["kind"]]
    with Image.open(request["path"], formats=[form]) as image:
        turned = ImageOps.exif_transpose(image)
        profile = image.info.get("icc_profile")
    turned.info = {}
    turned.save(folder / _UPRIGHT, form, quality=95, icc_profile=profile)
    return {}
