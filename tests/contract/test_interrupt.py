"""Ctrl-C in real processes, on a terminal and on a pipe: 130, one sentence, nothing written; progress for a terminal alone."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.cli import main
from riskmap.rules.permissions import local_actor
from tests.unchanged import folder_of, ledger_of
from tests.waiting import PATIENCE_S, until

POINTS = 30_000  # enough work for a person to stop it
SAID = "已中断：什么都没有写入"
SHARE = re.compile(rb"\d+%")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="system part: this system has no pseudo-terminals"),
]


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    root = tmp_path_factory.mktemp("interrupt") / "ws"
    create_demo_workspace(root, points=POINTS, by=local_actor("测试")).ledger.close()
    return open_workspace(root)


class OnTerminal:
    """A command whose stderr is a terminal of its own; its stdout is a pipe."""

    def __init__(self, ws, *words) -> None:
        import pty

        self.terminal, self.inner = pty.openpty()  # both ends stay open: what was shown last is not lost
        # The first terminal that the head of a session opens is the one whose Ctrl-C it gets.
        opening = ["sh", "-c", 'exec "$@" <"$0" 2>"$0"', os.ttyname(self.inner)]
        self.process = subprocess.Popen(
            [*opening, sys.executable, "-m", "riskmap", *map(str, words), "--workspace", str(ws.root)],
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
            start_new_session=True,
        )
        self.shown = b""

    def read(self, until_seen: re.Pattern[bytes] | None = None) -> bytes:
        """Read the terminal until it shows something, or to its end."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if until_seen is not None and until_seen.search(self.shown):
                break
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.shown += os.read(self.terminal, 65536)
            elif self.process.poll() is not None:
                break
        return self.shown

    def press_ctrl_c(self) -> None:
        os.write(self.terminal, b"\x03")

    def end(self) -> tuple[int, bytes, str]:
        """Return status, stdout and the whole terminal."""
        self.read()
        out = self.process.communicate(timeout=PATIENCE_S)[0]
        os.close(self.terminal)
        os.close(self.inner)
        return self.process.returncode, out, self.shown.decode("utf-8", "replace")


def on_pipe(ws, *words) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "riskmap", *map(str, words), "--workspace", str(ws.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def plain(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


@pytest.mark.parametrize(
    "words",
    [
        ("assess",),
        ("export", "--to", "a.xlsx", "--to", "a.geojson"),
        ("map", "--to", "a.pdf"),
        ("prepare", "--drill", "--made-storm"),
    ],
    ids=lambda words: words[0],
)
def test_ctrl_c_on_a_terminal_stops_and_nothing_is_written(ws, words, tmp_path):
    words = [str(tmp_path / word) if word.startswith("a.") else word for word in words]
    (tmp_path / "a.xlsx").write_bytes(b"old")
    before = ledger_of(ws), folder_of(tmp_path)
    running = OnTerminal(ws, *words)
    running.read(SHARE)
    running.press_ctrl_c()
    status, out, shown = running.end()
    assert status == 130, plain(shown)
    assert out == b""
    assert plain(shown).count(SAID) == 1
    assert "Traceback" not in shown
    assert (ledger_of(ws), folder_of(tmp_path)) == before


def test_ctrl_c_on_a_pipe_stops_and_says_so_alone(ws, tmp_path):
    before = ledger_of(ws)
    process = on_pipe(ws, "export", "--to", tmp_path / "a.xlsx", "--to", tmp_path / "a.kml")
    assert until(lambda: any(tmp_path.iterdir()) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err.decode()
    assert (out, err.decode().strip()) == (b"", SAID)
    assert list(tmp_path.iterdir()) == []
    assert ledger_of(ws) == before


def test_ctrl_c_where_nothing_is_watched_says_so_too(ws, monkeypatch, capsys):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("riskmap.cli.common.open_workspace", pressed)
    with pytest.raises(SystemExit) as left:
        main(["select", "--workspace", str(ws.root)])
    assert left.value.code == 130
    assert capsys.readouterr().err.strip() == "已中断：没有做完的一步没有写入"


def test_under_json_an_interruption_is_one_document(ws, tmp_path):
    process = on_pipe(ws, "export", "--to", tmp_path / "a.xlsx", "--json")
    assert until(lambda: any(tmp_path.iterdir()) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert json.loads(out)["error"]["message"] == SAID


def test_a_terminal_shows_share_and_work_and_the_result_is_not_mixed_with_it(ws, tmp_path):
    running = OnTerminal(ws, "export", "--to", tmp_path / "a.csv", "--to", tmp_path / "a.gpkg")
    status, out, shown = running.end()
    assert status in (0, 1)
    assert SHARE.search(shown.encode())
    assert re.search(r"0:00:0\d", shown)
    assert "写入：风险点" in plain(shown)
    assert "%" not in out.decode()
    assert out.decode().count("条\n") == len([p for p in tmp_path.iterdir() if p.suffix == ".csv"]) + 1


def test_nobody_but_a_terminal_sees_progress(ws, tmp_path):
    running = OnTerminal(ws, "export", "--to", tmp_path / "a.csv", "--json")
    status, out, shown = running.end()
    assert status in (0, 1)
    assert json.loads(out)["count"]
    assert shown == ""
    process = on_pipe(ws, "export", "--to", tmp_path / "b.csv")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, 1)
    assert "%" not in (out + err).decode()
    assert b"\x1b" not in out + err
