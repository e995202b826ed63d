"""Requests that the gate lets in or refuses, for tests of its class and of a running server."""

from __future__ import annotations

from collections.abc import Sequence

OWN = "http://127.0.0.1:8501"
OWN_HOST = ("Host", "127.0.0.1:8501")


def site(where, mode="no-cors", dest="empty"):
    return ("Sec-Fetch-Site", where), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)


# What stands in a request → what it gets: kind, headers, status.
TABLE = {
    "socket: own origin": ("websocket", [OWN_HOST, ("Origin", OWN)], 200),
    "socket: LOCALHOST": (
        "websocket",
        [("Host", "LOCALHOST:8501"), ("Origin", "http://localhost:8501")],
        200,
    ),
    "socket: localhost.": (
        "websocket",
        [("Host", "localhost.:8501"), ("Origin", "http://localhost.:8501")],
        200,
    ),
    "socket: [::1]": ("websocket", [("Host", "[::1]:8501"), ("Origin", "http://[::1]:8501")], 200),
    "socket: foreign origin": ("websocket", [OWN_HOST, ("Origin", "http://evil.example")], 403),
    "socket: null": ("websocket", [OWN_HOST, ("Origin", "null")], 403),
    "socket: ours@evil": ("websocket", [OWN_HOST, ("Origin", "http://127.0.0.1:8501@evil.example")], 403),
    "socket: evil@ours": ("websocket", [OWN_HOST, ("Origin", "http://evil.example@127.0.0.1:8501")], 403),
    "socket: ours with a path": ("websocket", [OWN_HOST, ("Origin", f"{OWN}/x")], 403),
    "socket: ours as the start of a name": (
        "websocket",
        [OWN_HOST, ("Origin", "http://127.0.0.1.evil.example")],
        403,
    ),
    "socket: rebound host": (
        "websocket",
        [("Host", "evil.example:8501"), ("Origin", "http://evil.example:8501")],
        403,
    ),
    "socket: another port": ("websocket", [OWN_HOST, ("Origin", "http://127.0.0.1:9000")], 403),
    "socket: no port": ("websocket", [OWN_HOST, ("Origin", "http://127.0.0.1")], 403),
    "socket: localhost on another port": ("websocket", [OWN_HOST, ("Origin", "http://localhost:9000")], 403),
    "socket: host with another port": ("websocket", [("Host", "127.0.0.1:9000"), ("Origin", OWN)], 403),
    "socket: host without a port": ("websocket", [("Host", "127.0.0.1"), ("Origin", OWN)], 403),
    "socket: another name of ours": ("websocket", [OWN_HOST, ("Origin", "http://localhost:8501")], 403),
    "socket: https": ("websocket", [OWN_HOST, ("Origin", "https://127.0.0.1:8501")], 403),
    "socket: no origin": ("websocket", [OWN_HOST], 403),
    "socket: two hosts": ("websocket", [OWN_HOST, OWN_HOST, ("Origin", OWN)], 403),
    "socket: two origins": ("websocket", [OWN_HOST, ("Origin", OWN), ("Origin", OWN)], 403),
    "http: no origin": ("http", [OWN_HOST], 200),
    "http: own origin": ("http", [OWN_HOST, ("Origin", OWN)], 200),
    "http: rebound host": ("http", [("Host", "evil.example:8501")], 421),
    "http: our name as the start of another": ("http", [("Host", "127.0.0.1.evil.example:8501")], 421),
    "http: user name before our host": ("http", [("Host", "evil.example@127.0.0.1:8501")], 421),
    "http: foreign origin": ("http", [OWN_HOST, ("Origin", "http://evil.example")], 421),
    "http: another port's origin": ("http", [OWN_HOST, ("Origin", "http://127.0.0.1:9000")], 421),
    "http: null": ("http", [OWN_HOST, ("Origin", "null")], 421),
    "http: no host": ("http", [], 421),
    "http: an empty host": ("http", [("Host", "")], 421),
    "http: two hosts": ("http", [OWN_HOST, OWN_HOST], 421),
    "http: two origins": ("http", [OWN_HOST, ("Origin", OWN), ("Origin", "http://evil.example")], 421),
    "http: a port that is none": ("http", [("Host", "127.0.0.1:99999")], 421),
    "http: digits that are not ASCII": ("http", [("Host", "127.0.0.1:850\xb9")], 421),
    "http: our own page": ("http", [OWN_HOST, *site("same-origin", "cors")], 200),
    "http: typed into the bar": ("http", [OWN_HOST, *site("none", "navigate", "document")], 200),
    "http: another port of this machine": ("http", [OWN_HOST, *site("same-site", "cors")], 421),
    "http: a script of another port": ("http", [OWN_HOST, *site("same-site", "no-cors", "script")], 421),
    "http: another site": ("http", [OWN_HOST, *site("cross-site", "no-cors", "image")], 421),
    "http: a link from elsewhere": ("http", [OWN_HOST, *site("cross-site", "navigate", "document")], 200),
    "http: a link from another port": ("http", [OWN_HOST, *site("same-site", "navigate", "document")], 200),
    "http: a frame in another site": ("http", [OWN_HOST, *site("cross-site", "navigate", "iframe")], 421),
    "http: a word that browsers do not say": ("http", [OWN_HOST, *site("ours", "cors")], 421),
    "http: said twice": ("http", [OWN_HOST, *site("same-origin"), *site("cross-site")], 421),
}


SERVER_FIRST = ("no host", "two hosts", "two origins")  # which uvicorn itself may refuse, before the gate


def asking(port: int, kind: str, headers: Sequence[tuple[str, str]], path: str = "/") -> str:
    """Return a request of the table as it goes over the wire to the server on this port."""
    lines = "".join(f"{name}: {value}\r\n".replace("8501", str(port)) for name, value in headers)
    if kind == "http":
        return f"GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n"
    return (
        f"GET /_stcore/stream HTTP/1.1\r\n{lines}Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Protocol: streamlit\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
