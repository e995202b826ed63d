"""Who may talk to the server: its own pages under its own address, and nobody else; nothing is looked up."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
import time

import pytest
from starlette.responses import PlainTextResponse

from riskmap.errors import RiskmapError
from riskmap.web.frame.gate import (
    Gate,
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
    if scope["type"] == "websocket":
        await send({"type": "websocket.http.response.start", "status": 200, "headers": []})
        return
    await PlainTextResponse("inside")(scope, receive, send)


@pytest.mark.parametrize("case", TABLE)
def test_only_a_page_of_the_servers_own_address_is_answered(case):
    kind, headers, status = TABLE[case]
    assert get(Gate(_behind, []), "/", kind=kind, headers=headers).status == status


REFUSED = [case for case, (kind, _, status) in TABLE.items() if kind == "http" and status != 200]


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_what_was_seen_and_the_address_to_open(case):
    _, headers, _ = TABLE[case]
    answer = get(Gate(_behind, []), "/", headers=headers)
    zh, en = answer.text.splitlines()
    for said in (zh, en):
        assert OWN in said
        assert any(f"{name}: " in said for name in ("Host", "Origin", "Sec-Fetch-Site"))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "inside" not in answer.text


def test_the_log_names_the_first_refusal_of_a_kind_and_a_hostile_page_does_not_fill_it(caplog):
    gate = Gate(_behind, [])
    for origin in ("http://evil.example", *(f"http://evil{i}.example" for i in range(50))):
        get(gate, "/", kind="websocket", headers=[OWN_HOST, ("Origin", origin)])
    get(gate, "/", headers=[("Host", "risk.example.cn")])
    first, second = (record.getMessage() for record in caplog.records)
    assert "Origin: http://evil.example" in first
    assert "Host: risk.example.cn" in second
    assert "RISKMAP_PUBLIC" in second


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
    """Port of a running server, the file of what it asked of other machines, and its log."""
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
        yield port, file, log
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
    port, *_ = server
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
    port, file, log = server
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
    said = log.read_text(encoding="utf-8")
    assert 1 <= said.count("refused:") <= 3  # a line for each header
    assert "ASGI" not in said


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
