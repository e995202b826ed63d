from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import re
import stat
import struct
import sys
import time
from functools import partial
from io import BytesIO

import numpy as np
import openpyxl
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from riskmap.errors import UnknownNameError
from riskmap.moments import utc_now
from riskmap.selection import Selection, counts, find
from riskmap.selection.snapshot import BITS, encode, separate
from riskmap.vocabulary import RANK_OF
from riskmap.web.frame import downloads, state
from riskmap.web.frame.assets import frontend
from riskmap.web.frame.background import GROUND, MAP
from riskmap.web.frame.gate import Gate
from riskmap.web.frame.routes import routes
from riskmap.web.frame.security import (
    ForbiddenError,
    SecurityHeaders,
    Sessions,
    Signer,
    page_policy,
    session_of,
    workspace_secret,
)
from riskmap.web.widgets.filters import NOTHING
from tests.asgi import COOKIE, SESSION, get
from tests.map_workspace import HOSTILE, LONELY, STACK, make_workspace


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    root = tmp_path_factory.mktemp("map") / "ws"
    made = make_workspace(root)
    before = os.environ.get("RISKMAP_WORKSPACE")
    os.environ["RISKMAP_WORKSPACE"] = str(root)
    state.workspace.cache_clear()
    state.signer.cache_clear()
    with pytest.MonkeyPatch.context() as patch:  # the browser that all of these tests look through
        patch.setattr(state, "session", lambda: SESSION)
        patch.setattr(downloads, "session", lambda: SESSION)
        yield made
    state.workspace.cache_clear()
    state.signer.cache_clear()
    if before is None:
        del os.environ["RISKMAP_WORKSPACE"]
    else:
        os.environ["RISKMAP_WORKSPACE"] = before


@pytest.fixture(scope="module")
def client(ws):
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Gate), Middleware(Sessions, secure=False), Middleware(SecurityHeaders)],
    )
    return partial(get, app)


FRAME = "/component/streamlit_folium.st_folium/index.html"


def spec(selection: Selection = Selection()) -> str:  # noqa: B008 - frozen
    return state.signer().sign(MAP, [selection.to_text(), state.snapshot().key], SESSION)


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    x, y = separate(encode([lon], [lat]))
    return int(x[0]) >> (BITS - zoom), int(y[0]) >> (BITS - zoom)


def symbols(body: bytes) -> dict[int, int]:
    """Rank → how many records the symbols inside the tile stand for."""
    (n,) = struct.unpack_from("<I", body)
    count = np.frombuffer(body, "<u4", n, 4 + 4 * n)
    x, y = np.frombuffer(body, "<i2", n, 4 + 8 * n), np.frombuffer(body, "<i2", n, 4 + 10 * n)
    rank = np.frombuffer(body, "u1", n, 4 + 12 * n) & 7
    inside = (x >= 0) & (y >= 0) & (x < 4096) & (y < 4096)
    return {int(r): int(count[inside & (rank == r)].sum()) for r in np.unique(rank[inside])}


def test_a_tile_holds_the_point_that_lies_in_it_and_may_be_kept_for_ever(client):
    for tier, (lon, lat) in LONELY.items():
        x, y = tile_of(lon, lat, 17)
        answer = client(f"/tiles/{spec()}/17/{x}/{y}.bin")
        assert answer.status == 200
        assert symbols(answer.body) == {RANK_OF[tier]: 1}
        assert "immutable" in answer.headers["cache-control"]


def test_a_filter_in_the_token_leaves_points_out(client):
    lon, lat = LONELY["low"]
    x, y = tile_of(lon, lat, 17)
    assert symbols(client(f"/tiles/{spec(Selection(tiers=('major',)))}/17/{x}/{y}.bin").body) == {}
    assert symbols(client(f"/tiles/{spec(NOTHING)}/17/{x}/{y}.bin").body) == {}


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/{bad}/1/0/0.bin",
        "/shapes/{bad}.json?bbox=114,22,115,23&z=12",
        "/points/{bad}/1",
        "/search?spec={bad}&q=a",
        "/search?q=a",
        "/boundaries.json",
        "/boundaries.json?k={bad}",
        "/hillshade.png?k={bad}",
        "/basemap/1/0/0?k={bad}",
        "/download/{bad}",
    ],
)
def test_every_data_route_refuses_a_token_that_is_not_ours(client, path):
    changed = spec()[:-2] + ("AA" if not spec().endswith("AA") else "BB")
    other_purpose = state.signer().sign("another purpose", ["{}", 1], SESSION)
    for bad in ("nonsense", changed, other_purpose):
        answer = client(path.format(bad=bad))
        assert answer.status == 403
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tiles/{s}/99/0/0.bin", 400),
        ("/tiles/{s}/1/7/0.bin", 400),
        ("/tiles/{s}/1/-1/0.bin", 400),
        ("/tiles/{s}/x/0/0.bin", 400),
        ("/tiles/{s}/1/٣/0.bin", 400),
        ("/shapes/{s}.json?bbox=1,2,3&z=12", 400),
        ("/shapes/{s}.json?bbox=nan,22,115,23&z=12", 400),
        ("/shapes/{s}.json?bbox=115,22,114,23&z=12", 400),
        ("/shapes/{s}.json?bbox=114,22,115,23", 400),
        ("/points/{s}/999999", 404),
        ("/points/{s}/99999999999999", 400),
        ("/points/{s}/abc", 400),
        ("/points/{s}/1?z=77", 400),
        ("/assets/0/other.js", 404),
        ("/assets/leaflet/../../secret", 404),
    ],
)
def test_wrong_numbers_are_refused_in_one_line_and_without_a_traceback(client, path, status):
    answer = client(path.format(s=spec()))
    assert answer.status == status
    assert "Traceback" not in answer.text
    assert len(answer.text) < 400


def test_an_address_of_an_older_ledger_is_answered_but_not_kept(client):
    old = state.signer().sign(MAP, [Selection().to_text(), "an older one"], SESSION)
    answer = client(f"/tiles/{old}/1/1/0.bin")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"


def test_the_card_says_titles_not_ids_and_masks_contacts(client, ws):
    hit = find(state.snapshot(), "risk_points", "RP-LONE-major")
    card = client(f"/points/{spec()}/{hit.feature_id}").json()["card"]
    assert card["name"] == "孤点major"
    assert card["layer_title"] == ws.catalog.layer("risk_points").title.zh
    assert ["可能性 L", "10"] in [row[:2] for row in card["fields"]] or any(
        "可能性" in r[0] for r in card["fields"]
    )
    assert card["score"] == "900"
    assert {reason["title"] for reason in card["why"]} <= {
        f.title.zh for f in ws.catalog.layer("risk_points").fields
    }
    assert card["why"]
    text = str(card["contacts"])
    assert "张*" in text
    assert "138****1234" in text
    assert "张三丰" not in str(card)
    assert card["page"].startswith("point?layer=risk_points&code=RP-LONE-major")


def test_the_card_of_an_unrated_point_names_what_is_missing(client):
    hit = find(state.snapshot(), "risk_points", "RP-LONE-unrated")
    card = client(f"/points/{spec()}/{hit.feature_id}").json()["card"]
    assert card["rank"] == RANK_OF["unrated"]
    assert card["score"] == ""
    assert any("可能性" in field for field in card["missing"])


def test_the_card_speaks_english_when_asked(client, ws):
    hit = find(state.snapshot(), "risk_points", "RP-LONE-major")
    card = client(f"/points/{spec()}/{hit.feature_id}?lang=en").json()["card"]
    assert card["layer_title"] == ws.catalog.layer("risk_points").title.en


def test_points_of_one_symbol_are_listed_worst_first_with_their_number(client):
    hit = find(state.snapshot(), "risk_points", "RP-TWIN-1")
    found = client(f"/points/{spec()}/{hit.feature_id}?z=15").json()
    assert [other["name"] for other in found["others"]] == ["双点甲", "双点乙"]
    assert found["total"] == 2
    only_low = client(f"/points/{spec(Selection(tiers=('low',)))}/{hit.feature_id}?z=15").json()
    assert [other["name"] for other in only_low["others"]] == ["双点乙"]


def test_a_list_at_one_place_has_the_number_that_its_tile_states(client):
    zoom = 16
    x, y = tile_of(*STACK, zoom)
    stated = symbols(client(f"/tiles/{spec()}/{zoom}/{x}/{y}.bin").body)
    hit = find(state.snapshot(), "risk_points", "RP-EVIL-0")
    assert client(f"/points/{spec()}/{hit.feature_id}?z={zoom}").json()["total"] == sum(stated.values())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_as_they_are_in_json_that_nothing_runs(client, name):
    found = client("/search", params={"spec": spec(), "q": name}).json()["found"]
    assert name in [hit["name"] for hit in found]
    answer = client(f"/points/{spec()}/{found[0]['id']}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_search_finds_by_code_and_says_where(client):
    found = client("/search", params={"spec": spec(), "q": "rp-lone-major"}).json()["found"]
    assert found[0]["name"] == "孤点major"
    assert (found[0]["lon"], found[0]["lat"]) == pytest.approx(LONELY["major"])
    nowhere = client("/search", params={"spec": spec(), "q": "无坐标0"}).json()["found"]
    assert nowhere[0]["lon"] is None


def test_search_comes_worst_first_and_says_what_the_filter_hides(client):
    only_low = spec(Selection(tiers=("low",)))
    answer = client("/search", params={"spec": only_low, "q": "孤点"}).json()
    assert [hit["name"] for hit in answer["found"]] == [
        "孤点major", "孤点large", "孤点general", "孤点unrated", "孤点low",
    ]  # fmt: skip
    assert [hit["shown"] for hit in answer["found"]] == [False, False, False, False, True]
    assert not answer["more"]
    assert client("/search", params={"spec": only_low, "q": "普通点"}).json()["more"]


def test_grids_come_with_their_shape_and_tier(client):
    only = spec(Selection(layers=("forest_fire_grids",)))
    found = client(f"/shapes/{only}.json?bbox=114,22,115,23&z=14").json()["features"]
    assert len(found) == 4
    assert {f["geometry"]["type"] for f in found} == {"Polygon"}
    assert found[0]["properties"]["rank"] == RANK_OF["major"]
    assert client(f"/shapes/{only}.json?bbox=10,10,11,11&z=14").json()["features"] == []


def test_boundaries_have_the_district_and_a_place_for_every_name(client, ws):
    key = state.signer().sign(GROUND, ["x"], SESSION)
    found = client(f"/boundaries.json?k={key}").json()["features"]
    assert [f["properties"]["kind"] for f in found] == ["district", "subdistrict", "subdistrict"]
    assert {f["properties"]["name"] for f in found[1:]} == set(ws.places.names)
    assert client(f"/hillshade.png?k={key}").status == 404
    assert client(f"/basemap/1/0/0?k={key}").status == 204


def test_a_download_is_the_selection_that_the_page_showed(client):
    chosen = Selection(layers=("risk_points",), tiers=("large",))
    wanted = downloads.Wanted(chosen, "xlsx", "测试区-圈选结果.xlsx", "zh")
    answer = client("/" + downloads.address(wanted))
    assert answer.status == 200
    assert "attachment" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(BytesIO(answer.body))
    cells = {str(c.value) for sheet in book for row in sheet for c in row}
    expected = counts(state.snapshot(), chosen).total
    assert sum(name in cells for name in HOSTILE) == len(HOSTILE)
    assert expected == len(HOSTILE) + 1


def test_the_secret_is_kept_and_readable_by_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("RISKMAP_SECRET", raising=False)
    first = workspace_secret(tmp_path / "data")
    assert workspace_secret(tmp_path / "data") == first
    assert len(first) >= 40
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    monkeypatch.setenv("RISKMAP_SECRET", "given")
    assert workspace_secret(tmp_path / "data") == "given"


def test_a_token_is_for_one_purpose_one_session_and_some_days():
    now = [dt.datetime(2026, 7, 1, 23, 59, tzinfo=dt.UTC)]
    signer = Signer("a secret", clock=lambda: now[0])
    token = signer.sign("map", ["{}", 1], "mine", days=7)
    assert token == signer.sign("map", ["{}", 1], "mine", days=7)
    assert signer.read("map", token, "mine") == ["{}", 1]
    for stranger, purpose, session in (
        (signer, "ground", "mine"),
        (Signer("another"), "map", "mine"),
        (signer, "map", "another"),
        (signer, "map", ""),
    ):
        with pytest.raises(ForbiddenError):
            stranger.read(purpose, token, session)
    now[0] += dt.timedelta(days=7)
    assert signer.read("map", token, "mine") == ["{}", 1]
    now[0] += dt.timedelta(minutes=1)
    with pytest.raises(ForbiddenError):
        signer.read("map", token, "mine")


def _routes_with_tokens():
    wanted = downloads.Wanted(Selection(), "csv", "x.csv", "zh")
    offered = downloads.offer("a test", "x.txt", lambda: b"content")
    return [
        f"/tiles/{spec()}/1/1/0.bin",
        f"/search?spec={spec()}&q=a",
        f"/boundaries.json?k={state.signer().sign(GROUND, ['x'], SESSION)}",
        "/" + downloads.address(wanted),
        "/" + offered,
    ]


def test_an_address_is_worth_nothing_to_another_browser_or_to_one_without_cookies(client):
    for address in _routes_with_tokens():
        assert client(address).status == 200
        for cookie in ("", "d" * 43, COOKIE[:-1], "c" * 44):
            assert client(address, cookie=cookie).status == 403
        forged = [("host", "127.0.0.1:8501"), ("x-riskmap-session", SESSION)]
        assert client(address, headers=forged).status == 403
        assert client(address, headers=[forged[0], ("x_riskmap_session", SESSION)]).status == 403


def test_an_address_runs_out(client, monkeypatch):
    addresses = _routes_with_tokens()
    later = utc_now() + dt.timedelta(days=3)
    monkeypatch.setattr(state.signer(), "_clock", lambda: later)
    assert [client(address).status for address in addresses] == [403] * 5


def test_a_file_with_full_contacts_is_there_for_its_time_only(client):
    soon = downloads.offer("soon", "x.txt", lambda: b"content", until=time.monotonic() + 60)
    assert client(f"/{soon}").body == b"content"
    over = downloads.offer("soon", "x.txt", lambda: b"content", until=time.monotonic() - 1)
    assert client(f"/{over}").status == 403


def test_offers_are_let_go_when_they_ran_out_or_are_too_many():
    now = [0.0]
    offers = downloads.Offers(clock=lambda: now[0])
    for i in range(downloads._MOST + 5):
        offers.put(str(i), downloads.Offer("mine", "x", bytes, until=10.0 if i % 2 else 20.0))
    assert len(offers._kept) == downloads._MOST
    assert offers.get("100", "mine").filename == "x"
    with pytest.raises(ForbiddenError):
        offers.get("100", "another")
    now[0] = 15.0
    offers.put("new", downloads.Offer("mine", "x", bytes, until=20.0))
    assert {one.until for one in offers._kept.values()} == {20.0}


def test_what_an_offer_refuses_is_said_in_the_language_of_its_page(client):
    def refuse():
        raise UnknownNameError("没有了", "it is gone")

    address = downloads.offer("gone", "x.txt", refuse)
    assert client(f"/{address}").json() == {"error": "没有了"}
    assert client(f"/{address}?lang=en").json() == {"error": "it is gone"}


def test_opening_a_page_names_the_browser_once(client):
    async def page(scope, receive, send):
        await PlainTextResponse(dict(scope["headers"]).get(b"x-riskmap-session", b"-"))(scope, receive, send)

    for secure, name in ((False, "riskmap-8501"), (True, "__Host-riskmap")):
        first = get(Sessions(page, secure=secure), "/inventory", cookie="")
        said = first.headers["set-cookie"]
        assert first.text == "-"
        assert said.startswith(f"{name}=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(said.split("; "))
        assert ("Secure" in said.split("; ")) == secure
        cookie = said.partition(";")[0]
        again = get(
            Sessions(page, secure=secure), "/", headers=[("host", "127.0.0.1:8501"), ("cookie", cookie)]
        )
        assert "set-cookie" not in again.headers
        assert again.text == session_of(cookie.partition("=")[2])
    assert "set-cookie" not in get(Sessions(page, secure=False), "/healthz", cookie="").headers
    # Two servers on one host name do not take each other's.
    assert get(Sessions(page, secure=False), "/", host="127.0.0.1:8502").text == session_of(COOKIE)
    other = [("host", "127.0.0.1:8502"), ("cookie", f"riskmap-8501={COOKIE}")]
    assert get(Sessions(page, secure=False), "/", headers=other).text == "-"


def test_the_content_policy_names_this_server_and_nothing_else(client):
    page, frame, other = (
        client(path).headers["content-security-policy"] for path in ("/", FRAME, "/unknown")
    )
    for policy in (page, frame):
        said = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert said["default-src"] == "'none'"
        assert "http" not in policy
        assert "*" not in policy
        assert said["base-uri"] == said["form-action"] == "'none'"
    assert "'unsafe-eval'" not in page
    assert "script-src 'self' blob:;" in page
    assert "ws://127.0.0.1:8501" in page
    assert "frame-ancestors 'none'" in page
    assert "frame-ancestors 'self'" in frame
    assert other == "default-src 'none'; frame-ancestors 'none'"


def test_the_inline_scripts_of_a_page_are_named_by_their_content():
    policy = page_policy("127.0.0.1:8501", frontend().inline)
    scripts = re.findall(rb"<script>(.*?)</script>", frontend().page, re.DOTALL)
    assert len(scripts) == policy.count("'sha256-") == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" in policy


def test_what_the_browser_keeps_is_for_no_other_site_and_no_address_is_told_to_one(client):
    for path in ("/", "/unknown", f"/tiles/{spec()}/1/1/0.bin"):
        headers = client(path).headers
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"


def test_healthz_reads_the_ledger_itself_and_says_which_part_failed_but_no_path(client, ws):
    assert (client("/healthz").status, client("/healthz").json()) == (200, {"status": "ok"})
    file = ws.root / "data" / "ledger.sqlite"
    aside = file.with_name("aside")
    for damaged in (None, b"nothing of a ledger" * 500):
        file.rename(aside)
        try:
            if damaged:
                file.write_bytes(damaged)
            answer = client("/healthz")
        finally:
            aside.replace(file)
        assert answer.status == 503
        assert answer.json()["cause"] == "ledger"
        assert "riskmap check" in answer.json()["remedy"]
        assert str(ws.root) not in answer.text
    assert client("/healthz?lang=en").status == 200


def test_healthz_says_when_the_workspace_cannot_be_opened(client, ws):
    file = ws.root / "workspace.toml"
    kept = file.read_text(encoding="utf-8")
    file.write_text("[workspace", encoding="utf-8")
    state.workspace.cache_clear()
    try:
        answer = client("/healthz?lang=en")
    finally:
        file.write_text(kept, encoding="utf-8")
        state.workspace.cache_clear()
    assert (answer.status, answer.json()["cause"]) == (503, "workspace")
    assert answer.json()["remedy"].startswith("run riskmap check")


@pytest.mark.parametrize("path", ["/map", "/map/"])
def test_the_name_of_the_first_page_leads_to_it_with_what_was_asked(client, path):
    answer = client(f"{path}?area=x&lang=en")
    assert (answer.status, answer.headers["location"]) == (301, "/?area=x&lang=en")
