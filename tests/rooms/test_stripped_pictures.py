"""A picture leaves the house with its pixels and nothing else; one that stood upright only by its EXIF is turned."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from riskmap.io.files.attachments import FileStore
from riskmap.io.files.stripping import stripped
from tests.attached_files import document, photo, picture, pixels

SCRIPT = b"<script>alert(1)</script>"


def seen(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def says_nothing(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert not image.getexif()
        assert not set(image.info) - {"icc_profile", "dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "gamma", "srgb", "loop", "background", "timestamp", "duration", "progressive", "progression"}  # fmt: skip
    for word in (b"Telephone", b"secret", b"Exif", b"GPS", b"http://ns.adobe.com", SCRIPT):
        assert word not in content


def test_a_jpeg_keeps_every_pixel_and_loses_exif_comment_and_what_hangs_behind():
    content = photo() + SCRIPT
    plain = stripped(content, "jpg")
    says_nothing(plain)
    assert np.array_equal(seen(plain), seen(content))
    assert len(plain) > len(content) - 1500


def test_a_progressive_jpeg_with_restarts_keeps_every_pixel():
    out = io.BytesIO()
    pixels(640, 480).save(out, "JPEG", progressive=True, restart_marker_blocks=5, comment=b"secret")
    plain = stripped(out.getvalue(), "jpg")
    says_nothing(plain)
    assert np.array_equal(seen(plain), seen(out.getvalue()))


def test_a_png_keeps_its_colours_and_loses_its_texts():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "secret Telephone")
    texts.add_itxt("XML:com.adobe.xmp", "<x>secret</x>")
    out = io.BytesIO()
    pixels(300, 200).save(out, "PNG", pnginfo=texts, dpi=(72, 72))
    plain = stripped(out.getvalue() + SCRIPT, "png")
    says_nothing(plain)
    assert np.array_equal(seen(plain), seen(out.getvalue()))


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_keeps_its_pixels_and_loses_exif_and_xmp(lossless):
    exif = Image.Exif()
    exif[0x010F] = "Telephone"
    out = io.BytesIO()
    pixels(300, 200).save(out, "WEBP", lossless=lossless, exif=exif, xmp=b"<x>secret</x>")
    plain = stripped(out.getvalue() + SCRIPT, "webp")
    says_nothing(plain)
    assert np.array_equal(seen(plain), seen(out.getvalue()))


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_what_ends_too_early_is_no_picture_and_does_not_run_on(kind):
    content = picture({"jpg": "JPEG"}.get(kind, kind.upper()))
    for length in (0, 3, 11, 20, len(content) // 2):
        with pytest.raises(ValueError, match=r"no |cut off|subsection|marker"):
            stripped(content[:length], kind)


@pytest.mark.parametrize("turned", range(2, 9))
def test_a_picture_that_its_exif_turns_is_turned_for_good(tmp_path, turned):
    store = FileStore(tmp_path / "files", tmp_path / "thumbs")
    content = photo(640, 480, turned=turned)
    assert stripped(content, "jpg") is None
    (taken,) = store.take([("a.jpg", content)])
    plain = store.handed_over(taken.file)
    says_nothing(plain)
    with Image.open(io.BytesIO(plain)) as image:
        assert image.size == ((640, 480) if turned < 5 else (480, 640))
    shown = seen(store.rendition(taken.file, 1600))
    assert np.abs(shown.astype(int) - seen(plain).astype(int)).mean() < 6
    assert store.original(taken.file.digest, "jpg") == content, "the original stays as it came"


def test_an_upright_picture_and_a_document_are_handed_over_without_being_opened_again(tmp_path, monkeypatch):
    store = FileStore(tmp_path / "files", tmp_path / "thumbs")
    one, two = store.take([("a.jpg", photo()), ("b.docx", document())])
    monkeypatch.setattr("riskmap.io.files.attachments.look_into", None)
    assert np.array_equal(seen(store.handed_over(one.file)), seen(photo()))
    assert store.handed_over(two.file) == store.original(two.file.digest, "docx")
