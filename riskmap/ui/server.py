"""Serve the app on this machine with uvicorn.

`streamlit run` works too; uvicorn sets TCP_NODELAY on its sockets, which makes small answers (map
tiles) some 40 ms faster.
"""

from __future__ import annotations

import ctypes
import logging
import socket
import threading
import webbrowser
from contextlib import suppress
from typing import Literal

import typer
import uvicorn

from riskmap.errors import RiskmapError

HOST = "127.0.0.1"


def run(*, port: int, open_browser: bool = False, url_lang: Literal["zh", "en"] = "zh") -> None:
    """Serve until interrupted. RiskmapError when the port is taken.

    The workspace is named by RISKMAP_WORKSPACE. `port` 0 lets the system choose one.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise RiskmapError(
                f"端口 {port} 已被占用；换一个，例如 riskmap serve --port {port + 1}",
                f"port {port} is taken; choose another, e.g. riskmap serve --port {port + 1}",
            ) from problem
        port = probe.getsockname()[1]
    address = f"http://{HOST}:{port}"
    typer.echo(f"riskmap → {address}   (Ctrl+C 停止 / stops)", err=True)
    if open_browser:
        threading.Timer(1.5, webbrowser.open, (f"{address}/?lang={url_lang}",)).start()
    _give_memory_back()
    logging.getLogger("streamlit").setLevel(logging.WARNING)
    # Imported before uvicorn sets its loggers up: Streamlit gives them handlers of its own, and a line
    # per tile would be written.
    from riskmap.ui.app import app

    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False, ws="websockets-sansio")


def _give_memory_back() -> None:
    """Ask glibc to return freed arrays to the system instead of keeping them for each thread.

    Left alone it learns from a few large arrays to keep all of up to 32 MB: with a million records
    the server held 300 MB more than it used. Other systems' allocators do not need to be asked.
    """
    mmap_threshold, arena_max = -3, -8  # malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 1 << 20)
        libc.mallopt(arena_max, 2)
