"""Who may talk to the server: its own pages under its own address, and nobody else; nothing is looked up."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from starlette.responses import PlainTextResponse
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from riskmap.errors import RiskmapError
from riskmap.web.frame.gate import (
    STREAMLIT,
    STREAMLIT_FOLDERS,
    Gate,
    KnownPaths,
    Origin,
    origin_of,
    public_origins,
)
from tests.asgi import get
from tests.gate_table import OWN, OWN_HOST, SERVER_FIRST, TABLE, asking, site
from tests.map_workspace import make_workspace
from tests.waiting import until
from tests.watching import asked, watched


async def _behind(scope, receive, send):
    await PlainTextResponse("inside")(scope, receive, send)


@pytest.mark.parametrize("case", TABLE)
def test_only_a_page_of_the_servers_own_address_is_answered(case):
    kind, headers, status = TABLE[case]
    assert get(Gate(_behind, []), "/", kind=kind, headers=headers).status == status


@pytest.mark.parametrize("case", [case for case, (_, _, status) in TABLE.items() if status != 200])
def test_a_refusal_names_what_was_seen_and_the_address_to_open(case):
    kind, headers, _ = TABLE[case]
    answer = get(Gate(_behind, []), "/", kind=kind, headers=headers)
    zh, en = answer.text.splitlines()
    for said in (zh, en):
        assert OWN in said
        assert any(f"{name}: " in said for name in ("Host", "Origin", "Sec-Fetch-Site"))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "inside" not in answer.text


def test_a_form_of_another_site_may_not_be_sent_here():
    said = [OWN_HOST, *site("cross-site", "navigate", "document")]
    assert get(Gate(_behind, []), "/", method="POST", headers=said).status == 421


def test_a_refusal_repeats_no_more_of_a_header_than_a_line_and_nothing_that_steers_a_terminal():
    said = get(Gate(_behind, []), "/", headers=[("Host", "\x1b[31m" + "x" * 5000)]).text
    assert len(said) < 1000
    assert "\x1b" not in said


def test_a_server_with_a_public_address_is_known_by_that_alone():
    gate = Gate(_behind, public_origins("https://risk.example.cn, http://10.1.0.7:8080"))
    https = ("Host", "risk.example.cn")
    assert get(gate, "/", headers=[https, ("Origin", "https://risk.example.cn")]).status == 200
    assert get(gate, "/", headers=[("Host", "risk.example.cn:443")]).status == 200
    assert get(gate, "/", headers=[("Host", "10.1.0.7:8080")]).status == 200
    assert get(gate, "/", headers=[OWN_HOST]).status == 421
    assert get(gate, "/", headers=[https, ("Origin", "http://risk.example.cn")]).status == 421
    # What a proxy's header says of the scheme is not asked.
    forwarded = [https, ("X-Forwarded-Proto", "http"), ("Origin", "http://risk.example.cn")]
    assert get(gate, "/", headers=forwarded).status == 421


@pytest.mark.parametrize(
    "text", ["risk.example.cn", "https://risk.example.cn/", "ftp://risk.example.cn", "https://a:0"]
)
def test_a_public_address_that_is_not_whole_is_refused_by_name(text):
    with pytest.raises(RiskmapError, match="RISKMAP_PUBLIC"):
        public_origins(text)


def test_an_origin_is_written_as_a_browser_writes_it():
    assert origin_of("HTTP://LocalHost.:80") == Origin("http", "localhost", 80)
    assert [str(origin_of(text)) for text in ("http://a:80", "https://a:443", "https://a:80")] == [
        "http://a",
        "https://a",
        "https://a:80",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Port of a running server, and the file of what it asked of other machines."""
    root = tmp_path_factory.mktemp("gate")
    make_workspace(root / "ws")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file, log = root / "asked", root / "log"
    words = [sys.executable, "-c", watched(file, f"from riskmap.web.frame.app import run; run(port={port})")]
    environment = {**os.environ, "RISKMAP_WORKSPACE": str(root / "ws")}
    with log.open("wb") as out:
        process = subprocess.Popen(words, env=environment, stdout=out, stderr=out)
    try:
        until(lambda: process.poll() is not None or _health(port)[0] == 200, step=0.1)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield port, file
    finally:
        process.terminate()
        process.wait(30)


def _health(port):
    """Status of `/_stcore/health`, and the seconds it took."""
    started = time.perf_counter()
    status = _said(
        port, f"GET /_stcore/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )
    return status, time.perf_counter() - started


def _said(port, request):
    """Status of the answer to a request as it stands; 0 without one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(request.encode("latin-1"))
            words = line.recv(1 << 16).split(b" ", 2)
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 else 0


def test_the_table_holds_on_the_wire_too(server):
    port, _ = server
    wrong = {}
    for case, (kind, headers, status) in TABLE.items():
        said = _said(port, asking(port, kind, headers))
        wanted = {101 if kind == "websocket" and status == 200 else status}
        if case.endswith(SERVER_FIRST):
            wanted.add(400)
        if said not in wanted:
            wrong[case] = said
    assert wrong == {}


def test_foreign_handshakes_keep_nobody_waiting_and_nothing_is_asked_of_another_machine(server):
    port, file = server
    request = asking(port, "websocket", [OWN_HOST, ("Origin", "http://evil.example")])
    statuses, times, going = [], [], threading.Event()

    def knock():
        going.wait()
        statuses.append(_said(port, request))

    people = [threading.Thread(target=knock) for _ in range(20)]
    for person in people:
        person.start()
    going.set()
    while any(person.is_alive() for person in people) or len(times) < 10:
        status, seconds = _health(port)
        assert status == 200
        times.append(seconds)
    for person in people:
        person.join()
    assert statuses == [403] * 20
    assert statistics.median(times) <= 0.1  # 8 s where each asks for the machine's outside address
    assert asked(file) == []


OPEN = ("/", "/overview", "/inventory", "/favicon.png", "/_stcore/health", "/_stcore/host-config", "/healthz")
ABSENT = (
    "/nothing",
    "/map",
    "/index.html",
    "/manifest.json",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/_stcore/allowed-message-origins",
    "/_stcore/bidi-components/x",
    "/media/x.xlsx",
    "/_stcore/agent/interact",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/_stcore/agent/mcp/",
    "/_stcore/",
    "/_stcore",
    "/inventory/_stcore/health",
    "/inventory/_stcore/stream",
    "/inventory/x",
    "/app/static/x",
    "/Inventory",
    "//inventory",
    "/%2e%2e/inventory/x",
    "/tiles/x",
    "/download",
)


def test_there_is_something_at_known_paths_only(server):
    port, _ = server

    def said(path, method="GET"):
        request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        return _said(port, request)

    assert {path: said(path) for path in OPEN} == dict.fromkeys(OPEN, 200)
    assert {path: said(path) for path in ABSENT} == dict.fromkeys(ABSENT, 404)
    assert said("/inventory/") == 301
    assert said("/_stcore/agent/mcp", "POST") == 404
    assert said("/nothing", "POST") == 404


def test_a_socket_opens_at_its_one_path_only(server):
    port, _ = server
    request = asking(port, "websocket", [OWN_HOST, ("Origin", OWN)])
    for path in ("/inventory/_stcore/stream", "/", "/_stcore/agent/mcp"):
        assert _said(port, request.replace("/_stcore/stream", path)) == 403


def test_an_address_with_nothing_behind_it_says_so_in_both_languages():
    absent = get(KnownPaths(_behind, []), "/清单\x1b")
    zh, en = absent.text.splitlines()
    assert absent.status == 404
    assert "没有这个地址" in zh
    assert "there is nothing at /" in en
    assert "\x1b" not in absent.text


def test_every_route_of_streamlit_that_pages_use_is_one_that_it_still_has():
    runtime = SimpleNamespace(
        media_file_mgr=SimpleNamespace(_storage=None),
        uploaded_file_mgr=None,
        component_registry=None,
        bidi_component_registry=None,
        stats_mgr=None,
    )
    there = [route.path for route in create_streamlit_routes(runtime)]
    for path in (*STREAMLIT - {"/favicon.png"}, *STREAMLIT_FOLDERS):
        assert path == "/static/" or any(one.startswith(path) for one in there), path


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('evil.invalid', 80), 1)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 1))",
        "from urllib.request import urlopen; urlopen('http://evil.invalid/')",
    ],
)
def test_the_watch_over_the_server_sees_what_it_is_for(tmp_path, code):
    file = tmp_path / "asked"
    ran = subprocess.run([sys.executable, "-c", watched(file, code)], capture_output=True, check=False)
    assert any("evil.invalid" in line or "192.0.2.1" in line for line in asked(file)), ran.stderr
