"""Hostile requests against a server on 127.0.0.1: it refuses in a line, and answers the next person as before."""

from __future__ import annotations

import contextlib
import csv
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from riskmap.web.frame.security import Signer
from tests.asgi import COOKIE, SESSION
from tests.attack.program import LAYER, ROOT, Program, workspace
from tests.attack.rows import Row, row
from tests.gate_table import OWN_HOST, SERVER_FIRST, TABLE, asking
from tests.map_workspace import HOSTILE
from tests.waiting import until

SECRET = "attack"
POINTS = 1500
HELD_UP_S = 1.0  # a look-up of an outside host takes more
QUICK_S = 10.0  # an answer of milliseconds, on a machine that does much else
MEMORY_MB = 400  # that all attacks together may add
FILES = 100  # that stay open: threads and connections to the ledger, each kind with a limit of its own
NEVER = (
    b"root:x:",
    b"SQLite format 3",
    b"Traceback (most recent call last)",
    b"[workspace]",
    b"session_secret",
)
DIGITS = (
    "0",
    "1",
    "-1",
    "99",
    "1e9",
    "٣",
    "x",
    "",
    "%00",
    "999999999999999999999",
    "0x10",
    "1.5",
    "NaN",
    " 1",
    "'",
    "../",
)


@dataclass
class Server:
    """A running server and how to ask it."""

    port: int
    process: psutil.Process

    @property
    def host(self) -> str:
        """The lines of a request from a page of this server, so that what follows them is looked at."""
        return f"Host: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"

    @property
    def cookie(self) -> str:
        """The cookie of a browser that opened a page before."""
        return f"riskmap-{self.port}={COOKIE}"

    def ask(
        self, path: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", timeout: float = 30
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; status 0 where the server closed without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
            for name, value in {"Cookie": self.cookie, **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        except (http.client.HTTPException, ConnectionError):
            return 0, {}, b""
        finally:
            connection.close()

    def raw(self, data: bytes, *, timeout: float = 10) -> bytes:
        """Send bytes as they are; returns the first part of whatever comes back."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as line,
            contextlib.suppress(OSError),
        ):
            line.sendall(data)
            return line.recv(1 << 16)
        return b""

    def well(self) -> list[str]:
        """Say what is wrong with the answer that anybody else gets now."""
        started = time.monotonic()
        try:
            status, _, _ = self.ask(f"/tiles/{token()}/1/1/0.bin")
        except OSError as problem:
            return [f"the next person gets no answer: {problem}"]
        seconds = time.monotonic() - started
        if status != 200:
            return [f"the next person gets {status}"]
        return [f"the next person waits {seconds:.1f} s"] if seconds > QUICK_S else []

    def megabytes(self) -> float:
        return self.process.memory_info().rss / 2**20


def token(selection: str = "{}", state: int = 1, purpose: str = "map") -> str:
    """Return what a page of the program would put into an address."""
    return Signer(SECRET).sign(purpose, [selection, state], SESSION)


@contextlib.contextmanager
def served(ws: Path, log: Path) -> Iterator[Server]:
    """Serve a workspace on a free port, and end exactly this process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "riskmap.cli", "serve", "--port", str(port), "--workspace", str(ws)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, "RISKMAP_SECRET": SECRET}, stdout=out, stderr=out
        )
        try:
            server = Server(port, psutil.Process(process.pid))
            if (
                not until(lambda: _answers(server) or process.poll() is not None, step=0.05)
                or process.poll() is not None
            ):
                raise RuntimeError(f"no server: {log.read_text(encoding='utf-8', errors='replace')[-300:]}")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(server: Server) -> bool:
    try:
        return server.ask(f"/tiles/{token()}/1/1/0.bin")[0] == 200
    except OSError:
        return False


def run(room: Path, *, seed: int) -> list[Row]:
    """Serve a district with hostile names and attack it; returns a row for each attack."""
    with Program(room / "said") as program:
        ws = workspace(program, room / "ws", POINTS, seed=seed)
        hostile = _hostile_names(room / "hostile.csv")
        program.run("import", LAYER, hostile, "--crs", "cgcs2000", "--workspace", ws)
        program.run("assess", "--workspace", ws)
    draw = random.Random(seed)
    log = room / "server.log"
    with served(ws, log) as server:
        before, files = server.megabytes(), server.process.num_fds()
        attacks = (_traversal, _foreign, _huge, _malformed, _names, _parallel, _slow, _broken)
        rows = [_attacked(server, attack, draw) for attack in attacks]
        rows.append(_afterwards(server, before, files, log))
    return rows


def _attacked(server: Server, attack, draw: random.Random) -> Row:
    with row(f"requests: {attack.__doc__.rstrip('.').lower()}") as found:
        attack(server, found, draw)
        found.tried(*server.well())
    return found


def _refused(found: Row, what: str, status: int, body: bytes) -> None:
    """Count an answer that may say anything but what is not for it."""
    leaked = next((mark for mark in NEVER if mark in body), None)
    if leaked:
        found.tried(f"{what}: the answer holds {leaked!r}")
    elif status >= 500 and status != 501:
        found.tried(f"{what}: {status}")
    else:
        found.tried()


def _traversal(server: Server, found: Row, draw: random.Random) -> None:
    """Paths that leave their folder."""
    wanted = (
        "etc/passwd",
        "data/ledger.sqlite",
        "workspace.toml",
        "data/secret",
        "riskmap/web/frame/security.py",
    )
    climbs = (
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "%252e%252e%252f",
        "....//",
        "/",
        "//",
        "\0../",
    )
    roots = (
        "/",
        "/assets/",
        "/assets/0/",
        "/assets/leaflet/",
        "/static/",
        "/component/",
        "/download/",
        "/_stcore/",
    )
    for _ in range(150):
        climb = draw.choice(climbs) * draw.randint(1, 8)
        path = draw.choice(roots) + climb + draw.choice(wanted)
        answer = server.raw(f"GET {path} HTTP/1.1\r\n{server.host}Connection: close\r\n\r\n".encode())
        _refused(found, path, _status(answer), answer)


def _status(answer: bytes) -> int:
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _foreign(server: Server, found: Row, _draw: random.Random) -> None:
    """Foreign origins, hosts and ports."""
    for case, (kind, headers, status) in TABLE.items():
        asked = asking(server.port, kind, [*headers, ("Cookie", server.cookie)], f"/points/{token()}/1")
        said = _status(server.raw(asked.encode("latin-1")))
        right = {101 if kind == "websocket" and status == 200 else status}
        if case.endswith(SERVER_FIRST):
            right.add(400)
        found.tried(*([] if said in right else [f"{case}: {said}"]))
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.port + 1}"):
        _, headers, _ = server.ask(f"/points/{token()}/1", headers={"Origin": origin})
        open_to = headers.get("access-control-allow-origin", "")
        found.tried(*([f"{origin} may read our data: {open_to}"] if open_to in {"*", origin} else []))
    _held_up(server, found)


def _held_up(server: Server, found: Row) -> None:
    knock = asking(server.port, "websocket", [OWN_HOST, ("Origin", "http://evil.example")], "").encode()
    people = [threading.Thread(target=server.raw, args=(knock,)) for _ in range(20)]
    for person in people:
        person.start()
    started = time.monotonic()
    status, _, _ = server.ask("/_stcore/health")
    seconds = time.monotonic() - started
    for person in people:
        person.join()
    slow = status != 200 or seconds > HELD_UP_S
    found.tried(
        *([f"20 foreign handshakes: the next person gets {status} after {seconds:.1f} s"] if slow else [])
    )


def _huge(server: Server, found: Row, _draw: random.Random) -> None:
    """Huge headers, addresses and bodies."""
    megabyte = "x" * (1 << 20)
    path, host = f"/search?spec={token()}&q=", server.host
    cases = {
        "a header of 1 MB": f"GET / HTTP/1.1\r\n{host}X-Long: {megabyte}\r\n\r\n",
        "20,000 headers": f"GET / HTTP/1.1\r\n{host}"
        + "".join(f"X-{i}: y\r\n" for i in range(20_000))
        + "\r\n",
        "an address of 1 MB": f"GET {path}{megabyte} HTTP/1.1\r\n{host}\r\n",
        "a token of 60 kB": f"GET /tiles/{megabyte[:60_000]}/1/1/1.bin HTTP/1.1\r\n{host}\r\n",
        "a cookie of 60 kB": f"GET / HTTP/1.1\r\n{host}Cookie: a={megabyte[:60_000]}\r\n\r\n",
        "a body of 8 MB": f"POST /search HTTP/1.1\r\n{host}Content-Length: 8388608\r\n\r\n" + megabyte * 8,
        "a length that lies": f"POST /search HTTP/1.1\r\n{host}Content-Length: 99999999999999\r\n\r\nx",
        "no request at all": "\0" * 100_000,
        "two lengths": f"POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    }
    for name, data in cases.items():
        for _ in range(3):
            try:
                answer = server.raw(data.encode(), timeout=3)
            except OSError:
                answer = b""  # closed while we were still talking, or waiting for the rest that never comes
            _refused(found, name, _status(answer), answer)


def _malformed(server: Server, found: Row, draw: random.Random) -> None:
    """Malformed tiles, queries and tokens."""
    good, selections = (
        token(),
        ('{"layers":["x"]}', "[]", "null", '{"tiers":5}', "{" * 5000, '{"where":[["a","b"]]}'),
    )
    tokens = (good, good[:-1], "x", "", token(purpose="ground"), *(token(s) for s in selections))
    shapes = (
        "/tiles/{t}/{a}/{b}/{c}.bin",
        "/shapes/{t}.json?bbox={a},{b},{c},{d}&z={a}",
        "/points/{t}/{a}?z={b}&lang={c}",
        "/search?spec={t}&q={q}&lang={a}",
        "/boundaries.json?k={t}",
        "/hillshade.png?k={t}",
        "/basemap/{a}/{b}/{c}?k={t}",
        "/download/{t}",
        "/storm/{t}/{a}",
        "/assets/{a}/{q}",
    )
    for _ in range(400):
        words = dict(zip("abcd", (draw.choice(DIGITS) for _ in range(4)), strict=True))
        q = quote("".join(chr(draw.randint(1, 0x2FFF)) for _ in range(draw.randint(0, 200))), errors="ignore")
        path = draw.choice(shapes).format(t=draw.choice(tokens), q=q, **words)
        path = "".join(quote(c) if ord(c) > 126 or ord(c) < 33 else c for c in path)
        status, _, body = server.ask(path, method=draw.choice(("GET", "GET", "GET", "POST", "HEAD", "PUT")))
        _refused(found, path[:120], status, body)


def _hostile_names(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["编号", "名称", "经度(CGCS2000)", "纬度(CGCS2000)", "L", "E", "C"])
        lines.writerows([f"EVIL-{i}", name, 114.1, 22.55, 3, 6, 7] for i, name in enumerate(HOSTILE))
    return path


def _names(server: Server, found: Row, _draw: random.Random) -> None:
    """Scripts in names and in what is asked for."""
    for name in HOSTILE:
        for path in (
            f"/search?spec={token()}&q={quote(name)}",
            f"/points/{quote(name, safe='')}/1",
            f"/{quote(name)}",
        ):
            _, headers, body = server.ask(path)
            page = headers.get("content-type", "").startswith("text/html")
            guarded = (
                headers.get("x-content-type-options") == "nosniff" and "content-security-policy" in headers
            )
            echoed = page and name.encode() in body
            found.tried(*([f"{path}: as a page, or unguarded"] if echoed or not guarded else []))
        _, headers, body = server.ask(f"/search?spec={token()}&q={quote(name)}")
        seen = [hit["name"] for hit in json.loads(body)["found"]]
        found.tried(*([] if name in seen else [f"{name}: came back as {seen}"]))


def _parallel(server: Server, found: Row, draw: random.Random) -> None:
    """Sixty-four people at once."""
    seeds, problems = [draw.random() for _ in range(64)], []

    def asks(own: random.Random) -> None:
        for _ in range(15):
            z = own.randint(0, 16)
            path = f"/tiles/{token()}/{z}/{own.randrange(1 << z)}/{own.randrange(1 << z)}.bin"
            try:
                status, _, _ = server.ask(path, timeout=120)
            except OSError as problem:
                status = str(problem)
            problems.append("" if status == 200 else f"{path}: {status}")

    people = [threading.Thread(target=asks, args=(random.Random(s),)) for s in seeds]
    for person in people:
        person.start()
    for person in people:
        person.join()
    for problem in problems:
        found.tried(*([problem] if problem else []))


def _slow(server: Server, found: Row, _draw: random.Random) -> None:
    """Two hundred who never finish their request."""
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for letter in f"GET /search?q=slow HTTP/1.1\r\n{server.host}":
            for line in lines:
                with contextlib.suppress(OSError):
                    line.send(letter.encode())
            if letter in " /":
                found.tried(*server.well())
    finally:
        for line in lines:
            line.close()


def _broken(server: Server, found: Row, draw: random.Random) -> None:
    """Random bytes, and answers that nobody waits for."""
    for _ in range(60):
        answer = server.raw(draw.randbytes(draw.randint(1, 3000)) + b"\r\n\r\n", timeout=3)
        _refused(found, "random bytes", _status(answer), answer)
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(
                f"GET /shapes/{token()}.json?bbox=113,22,115,23&z=14 HTTP/1.1\r\n{server.host}\r\n".encode()
            )
        found.tried()


def _afterwards(server: Server, before: float, files: int, log: Path) -> Row:
    """Say whether the server is as it was."""
    with row("requests: the server afterwards") as found:
        found.tried(*server.well())
        more = server.megabytes() - before
        found.tried(*([f"{more:.0f} MB more than before"] if more > MEMORY_MB else []))
        closed = until(lambda: server.process.num_fds() <= files + FILES, within=30, step=0.2)
        found.tried(*([] if closed else [f"{server.process.num_fds()} open files, {files} before"]))
        said = log.read_text(encoding="utf-8", errors="replace")
        found.tried(*([f"a traceback in its log: {said[-300:]}"] if "Traceback" in said else []))
        found.remark = f"{more:+.0f} MB"
    return found
