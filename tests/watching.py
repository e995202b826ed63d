"""A process that writes down every connection it opens and every name it looks up, for whatever reason."""

from __future__ import annotations

from pathlib import Path

# What Python does on its behalf; this machine's own address is no other machine.
_WATCH = """
import sys
_out = open({file!r}, "a", buffering=1)
_LOOKS = {{"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}}
def _watch(event, args):
    if event in {{"socket.connect", "socket.sendto"}}:
        place = args[1]
    elif event in _LOOKS:
        place = args
    else:
        return
    if isinstance(place, tuple) and place[0] not in {{"127.0.0.1", None}}:
        _out.write(f"{{event}} {{place}}\\n")
sys.addaudithook(_watch)
"""


def watched(file: Path, code: str) -> str:
    """Return Python code that runs `code` and writes what it asks of other machines to a file."""
    file.touch()
    return _WATCH.format(file=str(file)) + code


def asked(file: Path) -> list[str]:
    """Return what a watched process asked of other machines, a line each."""
    return file.read_text(encoding="utf-8").splitlines()
