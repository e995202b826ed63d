"""POST /observations: readings go in with the token, and whatever else knocks learns nothing and changes nothing."""

from __future__ import annotations

import asyncio
import json
import stat

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from riskmap.web.frame import state
from riskmap.web.frame.gate import Gate, KnownPaths
from riskmap.web.frame.observations import MOST_BYTES
from riskmap.web.frame.routes import routes
from tests.cli import riskmap
from tests.sensor_workspace import CLOCK, sensor_workspace

HOST = ("host", "127.0.0.1:8501")
LINE = {"sensor": "QJ-1", "at": "2026-11-29T03:50:00Z", "tilt": 0.31}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return sensor_workspace(tmp_path_factory.mktemp("observations") / "ws")


@pytest.fixture
def app(root, monkeypatch):
    monkeypatch.setenv("RISKMAP_WORKSPACE", str(root))
    monkeypatch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())
    for name in ("series.sqlite", "series.sqlite-wal", "series.sqlite-shm", "observations.token"):
        (root / "data" / name).unlink(missing_ok=True)
    state.workspace.cache_clear()
    ours = routes()
    yield Starlette(
        routes=ours, middleware=[Middleware(Gate, public=[]), Middleware(KnownPaths, routes=ours)]
    )
    state.workspace.cache_clear()


@pytest.fixture
def token(root, app):
    return riskmap("token", "--json", "--workspace", root).json["token"]


class Sent:
    """What a client sends piece by piece, and what came of it."""

    def __init__(self, app, pieces, headers, *, method="POST", path="/observations", cut=False):
        self.status, self.body, self.headers, self.read = 0, b"", {}, 0
        self._pieces, self._cut = iter(pieces), cut
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8501),
        }
        asyncio.run(app(scope, self._receive, self._send))

    async def _receive(self):
        piece = next(self._pieces, None)
        if piece is None:
            ended = {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.disconnect"} if self._cut else ended
        self.read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {key.decode(): value.decode() for key, value in message["headers"]}
        else:
            self.body += message.get("body", b"")


def said(token=None, kind="application/x-ndjson", **more):
    own = [("authorization", f"Bearer {token}")] if token else []
    return [HOST, ("content-type", kind), *own, *more.items()]


def body(*lines):
    return "\n".join(map(json.dumps, lines)).encode()


def kept(root):
    return (root / "data" / "series.sqlite").exists()


def test_readings_go_in_and_the_answer_is_that_of_the_command(app, root, token):
    sent = Sent(app, [body(LINE, LINE | {"sensor": "QJ-9"})], said(token))
    assert sent.status == 200
    document = json.loads(sent.body)
    assert [document[name] for name in ("rows", "accepted", "duplicate", "conflict", "refused")] == [
        2,
        1,
        0,
        0,
        1,
    ]
    assert document["issues"][0]["rule"] == "unknown_sensor"
    found = riskmap("readings", "sensors", "QJ-1", "tilt", "--latest", "--json", "--workspace", root).json
    assert found["indicators"][0]["latest"]["value"] == 0.31
    csv = "传感器,监测时间,倾角\nQJ-1,2026-11-29 11:50,0.31\n".encode()
    again = Sent(app, [csv[:20], csv[20:]], said(token, "text/csv; charset=utf-8"))
    assert json.loads(again.body)["duplicate"] == 1


def test_the_token_is_shown_once_and_only_its_digest_is_kept(app, root, token):
    file = root / "data" / "observations.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text()
    newer = riskmap("token", "--json", "--workspace", root).json["token"]
    assert Sent(app, [body(LINE)], said(token)).status == 401
    assert Sent(app, [body(LINE)], said(newer)).status == 200
    assert riskmap("token", "--revoke", "--json", "--workspace", root).json == {"revoked": True}
    assert Sent(app, [body(LINE)], said(newer)).status == 401


@pytest.mark.parametrize("given", [None, "wrong", "", "é" * 20, "x" * 100_000])
def test_without_the_token_nothing_is_read_and_nothing_is_said(app, root, token, given):
    headers = [HOST, ("content-type", "application/x-ndjson")]
    headers += [] if given is None else [("authorization", f"Bearer {given}")]
    sent = Sent(app, [body(LINE)], headers)
    assert (sent.status, sent.body, sent.read) == (401, b"", 0)
    assert not kept(root)


def test_where_no_token_was_made_none_opens(app, root):
    for given in ("", "None", "0" * 64):
        assert Sent(app, [body(LINE)], said(given)).status == 401
    assert (
        Sent(app, [body(LINE)], [HOST, ("authorization", "Bearer"), ("content-type", "text/csv")]).status
        == 401
    )


def test_the_digest_that_lies_in_the_folder_is_no_token(app, root, token):
    digest = (root / "data" / "observations.token").read_text()
    assert Sent(app, [body(LINE)], said(digest)).status == 401


def test_a_body_of_50_megabytes_is_refused_before_it_is_read(app, root, token):
    pieces = (b"x" * (1 << 20) for _ in range(50))
    stated = Sent(app, pieces, [*said(token), ("content-length", str(50 << 20))])
    assert (stated.status, stated.read) == (413, 0)
    silent = Sent(app, (b"x" * (1 << 20) for _ in range(50)), said(token))
    assert silent.status == 413
    assert silent.read <= MOST_BYTES + (1 << 20)
    assert not kept(root)


def test_half_a_body_is_not_taken(app, root, token):
    sent = Sent(app, [body(LINE) + b"\n" + body(LINE | {"sensor": "QJ-2"})[:10]], said(token), cut=True)
    assert sent.status == 400
    assert not kept(root)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("host", "evil.example:8501"),
        ("sec-fetch-site", "cross-site"),
    ],
)
def test_a_page_of_another_site_is_stopped_at_the_gate(app, root, token, header, value):
    headers = [one for one in said(token) if one[0] != header]
    sent = Sent(app, [body(LINE)], [*headers, (header, value)])
    assert (sent.status, sent.read) == (421, 0)
    assert not kept(root)


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("application/x-www-form-urlencoded", {}, 415),
        ("text/plain", {}, 415),
        ("application/x-ndjson", {"content-encoding": "gzip"}, 415),
        ("application/x-ndjson", {"content-length": "many"}, 413),
    ],
)
def test_what_a_form_of_a_page_could_send_and_what_is_packed_is_refused(app, token, kind, more, status):
    assert Sent(app, [body(LINE)], said(token, kind, **more)).status == status


def test_what_is_no_reading_is_refused_with_the_reason(app, root, token):
    for raw in (b"\x00\x01\x02" * 50, b"hello", b"[]", b""):
        sent = Sent(app, [raw], said(token))
        assert sent.status == 400, raw
        assert json.loads(sent.body)["error"]["zh"]
    assert not kept(root)


def test_only_a_post_to_this_very_path_leads_there(app, token):
    assert Sent(app, [], said(token), method="GET").status == 405
    assert Sent(app, [body(LINE)], said(token), path="/observations/x").status == 404
