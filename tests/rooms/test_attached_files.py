"""What is attached is judged by its bytes, kept unaltered under its digest, and looked at as clean renditions."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from riskmap.errors import UnreadableFileError
from riskmap.io.files.attachments import KINDS, MOST_BYTES, FileStore, Taken, plain_name, read_bounded
from tests.attached_files import (
    PLACE,
    TAKEN,
    document,
    pdf,
    photo,
    picture,
    png_bomb,
    workbook,
    zipped,
)

SCRIPT = b"<script>alert(document.cookie)</script>"


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "data" / "files", tmp_path / "data" / "cache" / "thumbs")


def take(store: FileStore, content: bytes, name: str) -> Taken:
    (taken,) = store.take([(name, content)])
    return taken


def refused(store: FileStore, content: bytes, name: str) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        take(store, content, name)
    kept = [path for path in store.folder.rglob("*") if path.is_file()] if store.folder.exists() else []
    assert kept == []
    assert caught.value.text("en") != caught.value.text("zh")
    return caught.value.text("zh")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (photo(), "jpg"),
        (picture("PNG"), "png"),
        (picture("WEBP"), "webp"),
        (pdf(), "pdf"),
        (document(), "docx"),
        (workbook(), "xlsx"),
    ],
    ids=list(KINDS),
)
def test_each_kind_is_known_by_its_bytes_and_kept_as_it_came(store, content, kind):
    taken = take(store, content, "现场.bin")
    assert taken.file.kind == kind
    assert taken.file.digest == hashlib.sha256(content).hexdigest()
    assert taken.name == f"现场.bin.{kind}"
    place = store.folder / taken.file.digest[:2] / f"{taken.file.digest}.{kind}"
    assert place.read_bytes() == content
    assert store.original(taken.file.digest, kind) == content


@pytest.mark.skipif(os.name != "posix", reason="Windows gives rights by the folder's own")
def test_files_are_for_their_owner_alone_whatever_the_umask(store):
    before = os.umask(0)
    try:
        take(store, photo(), "a.jpg")
    finally:
        os.umask(before)
    for folder in (store.folder, store.thumbs):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for path in folder.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_rendition_stands_upright_and_says_nothing_of_place_or_telephone(store, turned):
    taken = take(store, photo(640, 480, turned=turned), "a.jpg")
    upright = (640, 480) if turned < 5 else (480, 640)
    assert (taken.file.width, taken.file.height) == upright
    for size in (1600, 320):
        content = store.rendition(taken.file, size)
        with Image.open(io.BytesIO(content)) as image:
            assert max(image.size) == min(size, 640)
            assert (image.width > image.height) == (upright[0] > upright[1])
            assert not image.getexif()
            assert "comment" not in image.info
            assert "exif" not in image.info
            w, h = image.size
            corners = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
            x, y = corners[turned]
            red, green, _ = image.convert("RGB").getpixel((w // 4 + x * w // 2, h // 4 + y * h // 2))
            assert (red > 180, green < 80) == (True, True)
        assert b"Telephone" not in content
        assert b"secret" not in content


def test_what_the_camera_says_is_read_and_the_clock_has_no_zone(store):
    file = take(store, photo(), "a.jpg").file
    assert (file.lon, file.lat) == pytest.approx(PLACE, abs=1e-6)
    assert file.taken == TAKEN
    bare = take(store, picture("JPEG"), "b.jpg").file
    assert (bare.lon, bare.lat, bare.taken) == (None, None, None)


def test_a_transparent_picture_lies_on_white(store):
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")
    shown = store.rendition(take(store, out.getvalue(), "a.png").file, 320)
    with Image.open(io.BytesIO(shown)) as image:
        assert min(image.convert("RGB").getpixel((25, 25))) > 250


def test_the_same_bytes_are_kept_once_and_a_spoiled_original_is_mended_by_them(store):
    content = photo()
    first = take(store, content, "a.jpg")
    place = store.place(first.file.digest, "jpg")
    place.write_bytes(b"spoiled")
    with pytest.raises(UnreadableFileError, match="改动过"):
        store.original(first.file.digest, "jpg")
    again = take(store, content, "b.jpg")
    assert again.file == first.file
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [place]
    assert store.original(first.file.digest, "jpg") == content


def test_renditions_that_are_gone_are_made_anew(store):
    taken = take(store, photo(2000, 1000), "a.jpg")
    before = store.rendition(taken.file, 320)
    for path in store.thumbs.rglob("*.jpg"):
        path.unlink()
    assert store.rendition(taken.file, 320) == before
    assert len(list(store.thumbs.rglob("*.jpg"))) == 2


def test_a_png_that_would_unpack_to_900_million_pixels_is_refused(store):
    bomb = png_bomb()
    assert len(bomb) < 200_000
    assert "百万像素" in refused(store, bomb, "a.png")


def test_one_pixel_more_than_the_limit_is_refused_and_the_limit_is_not(store):
    def flat(width: int, height: int) -> bytes:
        out = io.BytesIO()
        Image.new("1", (width, height)).save(out, "PNG")
        return out.getvalue()

    assert take(store, flat(10_000, 6_000), "a.png").file.width == 10_000
    store.folder.rename(store.folder.with_name("before"))
    assert "百万像素" in refused(store, flat(10_000, 6_001), "b.png")


def test_a_script_behind_a_jpeg_stays_in_the_original_and_in_no_rendition(store):
    content = photo() + SCRIPT
    taken = take(store, content, "a.jpg.html")
    assert taken.name == "a.jpg.html.jpg"
    assert store.original(taken.file.digest, "jpg") == content
    assert all(SCRIPT not in store.rendition(taken.file, size) for size in (1600, 320))


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.jpg", "0 字节"),
        (b"\xff\xd8\xff" + bytes(MOST_BYTES + 1), "a.jpg", "超过 20 MB"),
        (photo()[:4000], "a.jpg", "损坏"),
        (b"\xff\xd8\xff\xe0 no picture", "a.jpg", "损坏"),
        (b"GIF89a" + bytes(100), "a.gif", "不是可以附上的文件"),
        (b"MZ" + bytes(200), "a.jpg", "不是可以附上的文件"),
        (SCRIPT, "a.pdf", "不是可以附上的文件"),
        (b"%PDF-1.7\nnothing", "a.pdf", "损坏"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "IMG_1.HEIC", "JPEG"),
        (b"\0\0\0\x18ftypmif1" + bytes(100), "a.jpg", "JPEG"),
        (zipped(a_DOT_txt="x"), "a.docx", "不是可以附上的文件"),
        (zipped(word__document_DOT_xml="<w/>"), "a.docx", "损坏"),
        (zipped(xl__workbook_DOT_xml="<w/>"), "a.xlsx", "损坏"),
        (zipped(word__document_DOT_xml="<w/>", word__vbaProject_DOT_bin="x"), "a.docx", "含宏"),
        (zipped(word__document_DOT_xml="<w/>", big=bytes(40 << 20)), "a.docx", "压缩炸弹"),
        (document()[:2000], "a.docx", "损坏"),
    ],
    ids=lambda value: str(value)[:16] if isinstance(value, str) else None,
)
def test_what_is_none_of_these_is_refused_in_one_message_and_nothing_is_kept(store, content, name, says):
    assert says in refused(store, content, name)


def test_a_symbolic_link_in_the_store_is_not_followed(store, tmp_path):
    content = photo()
    taken = take(store, content, "a.jpg")
    place, secret = store.place(taken.file.digest, "jpg"), tmp_path / "secret"
    secret.write_bytes(content)
    place.unlink()
    place.symlink_to(secret)
    with pytest.raises(UnreadableFileError, match="restore"):
        store.original(taken.file.digest, "jpg")
    assert list(store.faults([taken.file])) == [("missing", place.name)]
    take(store, content, "a.jpg")  # takes the place of the link and writes nothing through it
    assert not place.is_symlink()
    assert list(store.faults([taken.file])) == []


def test_a_folder_that_is_a_link_elsewhere_is_not_written_into(store, tmp_path):
    digest = hashlib.sha256(content := photo()).hexdigest()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.folder.mkdir(parents=True)
    (store.folder / digest[:2]).symlink_to(elsewhere)
    with pytest.raises(UnreadableFileError, match="符号链接"):
        take(store, content, "a.jpg")
    assert list(elsewhere.iterdir()) == []


def test_a_file_to_attach_is_a_file_and_is_read_no_further_than_it_may_be_long(tmp_path):
    (tmp_path / "big").write_bytes(bytes(MOST_BYTES + 1))
    for path, says in ((tmp_path / "big", "超过 20 MB"), (tmp_path, "打不开"), (tmp_path / "none", "打不开")):
        with pytest.raises(UnreadableFileError, match=says):
            read_bounded(path)
    if os.path.exists("/dev/zero"):  # noqa: PTH110
        from pathlib import Path

        with pytest.raises(UnreadableFileError, match="不是文件"):
            read_bounded(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.jpg"),
        ("..\\..\\windows\\系统.JPG", "系统.jpg"),
        ("现场\u202egpj.exe", "现场gpj.exe.jpg"),
        ("a\0b\n.jpeg", "ab.jpeg"),
        ("照片.png", "照片.jpg"),
        ("con.jpg", "附件con.jpg"),
        ("", "附件.jpg"),
        ("...", "附件.jpg"),
        ("a<b>|c?.jpg", "a_b__c_.jpg"),
    ],
)
def test_a_name_is_no_path_and_shows_as_it_reads(name, kept):
    assert plain_name(name, "jpg") == kept


@given(st.text(max_size=300), st.sampled_from(sorted(KINDS)))
def test_whatever_a_file_is_called_its_name_is_one_that_every_system_takes(name, kind):
    kept = plain_name(name, kind)
    assert kept.endswith((f".{kind}", ".jpeg"))
    assert len(kept.encode()) < 500
    assert not re.search(r'[<>:"|?*/\\\x00-\x1f\u202a-\u202e\u2066-\u2069]', kept)
    assert not kept.startswith((" ", "."))
    assert plain_name(kept, kind) == kept


def test_one_file_that_is_refused_keeps_those_before_it_out(store):
    with pytest.raises(UnreadableFileError):
        store.take([("a.jpg", photo()), ("b.jpg", SCRIPT)])
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_the_same_picture_twice_at_once_is_kept_once(store):
    one, two = store.take([("a.jpg", photo()), ("b.jpg", photo())])
    assert one.file == two.file
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == [f"{one.file.digest}.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="Windows gives rights by the folder's own")
def test_a_workspace_that_may_only_be_looked_at_shows_its_pictures(store, monkeypatch):
    taken = take(store, photo(), "a.jpg")
    shutil.rmtree(store.thumbs)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("riskmap.io.files.attachments.private_folder", refuse)
    with Image.open(io.BytesIO(store.rendition(taken.file, 320))) as image:
        assert max(image.size) == 320
    assert not store.thumbs.exists()
