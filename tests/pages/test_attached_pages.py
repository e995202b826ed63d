"""Pictures and documents on the point's page and the map's card; their addresses, and what these refuse."""

from __future__ import annotations

import io
import re
import shutil
import time
from functools import partial

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware

from riskmap.actions.records.attaching import attach_files, attached_to, detach_files
from riskmap.actions.records.editing import retire_point
from riskmap.actions.workspace import open_workspace
from riskmap.moments import iso_second, utc_now
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection, find
from riskmap.web.frame import attached, state
from riskmap.web.frame.background import MAP
from riskmap.web.frame.gate import Gate
from riskmap.web.frame.routes import routes
from riskmap.web.frame.security import SecurityHeaders, Sessions
from riskmap.web.frame.state import signer
from tests.asgi import SESSION, get
from tests.attached_files import document, photo, with_file_fields
from tests.map_workspace import make_workspace
from tests.pages_running import html, open_page, panel, texts, use_workspace

LAYER, CODE, OTHER = "risk_points", "RP-LONE-general", "RP-LONE-major"
WHO = {"by": local_actor("李工"), "why": "踏勘"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("files") / "w"
    make_workspace(root)
    with_file_fields(root)
    ws = open_workspace(root)
    attach_files(ws, LAYER, CODE, "photos", [("坡面 <b>.jpg", photo()), ("坡脚.jpg", photo(seed=8))], **WHO)
    attach_files(ws, LAYER, CODE, "plan", [("方案.docx", document())], **WHO)
    attach_files(ws, LAYER, OTHER, "photos", [("别处.jpg", photo(seed=9))], **WHO)
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


@pytest.fixture
def client(ws):
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Gate), Middleware(Sessions, secure=False), Middleware(SecurityHeaders)],
    )
    return partial(get, app)


def named(ws, field="photos", at=0, code=CODE):
    return [one for one in attached_to(ws, LAYER, code) if one.field == field][at]


def token(*value, session=SESSION, purpose=attached.PURPOSE):
    return signer().sign(purpose, list(value), session)


def address(ws, wanted, *, field="photos", code=CODE, past=""):
    return f"/files/{token(LAYER, code, field, named(ws, field).file.digest, past)}/{wanted}"


@pytest.mark.parametrize("size", [1600, 320])
def test_a_picture_leaves_as_a_clean_rendition(ws, client, size):
    answer = client(address(ws, size))
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "private" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.body)) as image:
        assert max(image.size) == min(size, 640)
        assert not image.getexif()
    assert b"Telephone" not in answer.body


def test_a_document_is_handed_over_as_a_file_and_never_shown(ws, client):
    answer = client(address(ws, "document", field="plan"))
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body == ws.files.original(named(ws, "plan").file.digest, "docx")


def test_no_address_gives_the_original_of_a_picture_or_a_size_that_nobody_made(ws, client):
    for wanted in ("document", "original", "5000", "0", "-1", "1600.jpg", "%2e%2e"):
        assert client(address(ws, wanted)).status in {400, 404}, wanted
    assert client(address(ws, "1600", field="plan")).status == 404


def test_whoever_was_not_given_an_address_gets_nothing(ws, client):
    digest = named(ws).file.digest
    good = address(ws, 320)
    assert client(good, cookie="d" * 43).status == 403
    assert client(good, cookie="").status == 403
    assert client(good[:-6] + "x/320").status == 403
    assert client(f"/files/{digest}/320").status == 403
    assert client(f"/files/{token(LAYER, CODE, 'photos', digest, '', purpose='map')}/320").status == 403


def test_a_digest_opens_nothing_but_on_its_own_record_and_field(ws, client):
    digest = named(ws).file.digest
    for layer, code, field in (
        (LAYER, OTHER, "photos"),
        (LAYER, CODE, "plan"),
        (LAYER, "none", "photos"),
        ("slopes", CODE, "photos"),
    ):
        assert client(f"/files/{token(layer, code, field, digest, '')}/320").status == 404


def test_a_file_that_was_taken_off_is_gone_now_and_there_in_the_past(ws, client):
    digest = named(ws).file.digest
    now = f"/files/{token(LAYER, CODE, 'photos', digest, '')}/320"
    before = f"/files/{token(LAYER, CODE, 'photos', digest, '2000-01-01')}/320"
    time.sleep(1.1)
    then = iso_second(utc_now())  # a whole second after it was attached
    assert client(now).status == 200
    detach_files(ws, LAYER, CODE, "photos", [digest], **WHO)
    assert client(now).status == 404
    assert client(before).status == 404
    assert client(f"/files/{token(LAYER, CODE, 'photos', digest, then)}/320").status == 200


def test_the_card_of_the_map_shows_the_pictures_of_its_record(ws, client):
    hit = find(state.snapshot(), LAYER, CODE)
    spec = signer().sign(MAP, [Selection().to_text(), state.snapshot().key], SESSION)
    files = client(f"/points/{spec}/{hit.feature_id}").json()["card"]["files"]
    assert [one["name"] for one in files] == ["坡脚.jpg", "坡面 _b_.jpg", "方案.docx"]
    assert all(one["told"].startswith("李工 · 20") for one in files)
    assert client(f"/{files[0]['thumb']}").status == 200
    assert files[2]["thumb"] == ""
    assert client(f"/{files[2]['href']}").headers["content-disposition"].startswith("attachment")


def test_the_page_shows_name_day_and_person_under_each_picture(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    shown = html(at)
    for text in ("现场照片", "坡面 _b_.jpg", "李工 · 20", "拍摄 2026-05-01 10:20", "DOCX", "方案.docx"):
        assert text in shown, text
    assert len(re.findall(r'<img src="files/[^"]+/320"', shown)) == 2
    english = html(open_page("point", layer=LAYER, code=CODE, lang="en"))
    assert "taken 2026-05-01 10:20 (camera clock)" in english
    assert "Pictures and documents" in english


def sign(at, key, by="王五", why="核对"):
    at.text_input(key=f"{key}-by").set_value(by)
    at.text_input(key=f"{key}-why").set_value(why)
    return at


def test_a_file_is_taken_off_with_person_and_reason(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    at.button(key="files-off").click().run()
    assert any("经办人" in one.value for one in at.warning)
    assert len(attached_to(ws, LAYER, CODE)) == 3
    sign(at, "files-one").button(key="files-off").click().run()
    assert not at.exception
    assert len(attached_to(ws, LAYER, CODE)) == 2
    last = ws.ledger.history(LAYER, CODE)[-1]
    assert (last.kind, last.who, last.why) == ("detach", "王五", "核对")
    assert "取下文件" in str(texts(panel(at, "point-history")))


def test_the_original_is_offered_once_who_and_why_are_kept(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    at.button(key="files-original").click().run()
    assert ws.ledger.exports(limit=9) == []
    sign(at, "files-one").button(key="files-original").click().run()
    assert not at.exception
    (noted,) = ws.ledger.exports(limit=9)
    assert (noted.who, noted.why, noted.unmasked) == ("王五", "核对", True)
    assert "附件原件" in noted.what


def test_a_retired_record_shows_its_files_and_takes_none(ws):
    retire_point(ws, LAYER, CODE, **WHO)
    at = open_page("point", layer=LAYER, code=CODE)
    assert "坡脚.jpg" in html(at)
    assert not [one for one in at.button if str(one.key).startswith("files-")]
