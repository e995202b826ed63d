"""Run the worker on one file, under limits of memory and time that hold on every system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.ipc

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files import REQUEST, RESULT, RawSheet
from riskmap.io.files.file_checks import FileLimits, parts, refuse
from riskmap.io.files.leftovers import mark
from riskmap.progress import UNWATCHED, Progress

_POLL_SECONDS = 0.03


_STDERR = "stderr"


_INHERITED = ("GDAL_", "OGR_", "CPL_", "LIBKML_", "PROJ_NETWORK", "PYTHONSTARTUP", "PYTHONINSPECT")


def parse(
    path: Path, kind: str, name: str, limits: FileLimits, progress: Progress = UNWATCHED
) -> list[RawSheet]:
    """Return the sheets of a file that passed the gate; stopping its `progress` stops the worker.

    Raises UnreadableFileError when the parser refuses the file, dies, or is stopped at a limit.
    """
    limits = limits.for_size(sum(part.stat().st_size for part in {path, *parts(path, kind).values()}))
    extra: list[str] = []
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary)
            request = _request(path, kind, name, limits) | {"extra_drivers": extra}
            (folder / REQUEST).write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")
            _watch(folder, name, limits, progress)
            result = _result(folder, name)
            # A GDAL built with drivers that we do not know: switch those off too and start again.
            extra = result.get("unexpected_drivers", [])
            if not extra:
                return [_sheet(folder, s) for s in result["sheets"]]
    raise refuse(
        name, "本机的 GDAL 无法限制驱动，为安全起见不读取", "this GDAL cannot be restricted; refused"
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """What a reader says of one attached file, and the files that it made of it, by name."""

    facts: dict[str, Any]
    made: dict[str, bytes]


def look_into(
    path: Path,
    kind: str,
    name: str,
    limits: FileLimits,
    *,
    reader: str,
    given: Mapping[str, bytes] = MappingProxyType({}),
) -> Opened:
    """Have the worker open one file that is to be kept as it is. UnreadableFileError as of `parse`.

    `reader`: a module with `read(request, folder)` that returns facts; `given`: files that lie in the folder for it.
    """
    limits = limits.for_size(path.stat().st_size)
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        request = {"path": str(path.resolve()), "kind": kind, "name": name, "reader": reader} | _bounds(
            limits
        )
        (folder / REQUEST).write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")
        for one, content in given.items():
            (folder / one).write_bytes(content)
        _watch(folder, name, limits, UNWATCHED)
        facts = _result(folder, name)["facts"]
        ours = {REQUEST, RESULT, _STDERR, *given}
        made = {one.name: one.read_bytes() for one in folder.iterdir() if one.name not in ours}
        return Opened(facts, made)


def _request(path: Path, kind: str, name: str, limits: FileLimits) -> dict[str, Any]:
    return {
        "path": str(path.resolve()),
        "parts": {ending: str(part.resolve()) for ending, part in parts(path, kind).items()},
        "kind": kind,
        "name": name,
    } | _bounds(limits)


def _bounds(limits: FileLimits) -> dict[str, Any]:
    return {
        "memory_bytes": limits.memory_bytes,
        "seconds": limits.seconds,
        "unpacked_bytes": limits.unpacked_bytes,
        "columns": limits.columns,
        "sheets": limits.sheets,
    }


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_INHERITED)}
    root = str(Path(__file__).resolve().parents[3])
    kept["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [kept.get("PYTHONPATH")])])
    # One small table needs no thread pools, and a pool reserves memory for every thread.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"):
        kept[variable] = "1"
    return kept


def _watch(folder: Path, name: str, limits: FileLimits, progress: Progress) -> None:
    """Start the worker and wait; stop it when it takes more memory or time than it may."""
    with (folder / _STDERR).open("wb") as stderr:
        worker = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-X", "utf8", "-P", "-m", "riskmap.io.files.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=_environment(),
            cwd=folder,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            _wait(worker, name, limits, progress)
        finally:
            if worker.poll() is None:
                worker.kill()
            worker.wait()


def _wait(worker: subprocess.Popen[bytes], name: str, limits: FileLimits, progress: Progress) -> None:
    what = Text(f"读取：{name}", f"reading: {name}")
    deadline = time.monotonic() + limits.seconds
    try:
        watched = psutil.Process(worker.pid)
    except psutil.NoSuchProcess:
        return
    ended = threading.Event()  # heard of at once; `wait` with a timeout asks up to 16 ms late
    threading.Thread(target=lambda: (worker.wait(), ended.set()), daemon=True).start()
    while True:
        if ended.wait(_POLL_SECONDS):
            progress.step(1, 1, what)  # Ctrl-C reaches the worker too: that it died says nothing of the file
            return
        progress.step(0, 1, what)
        try:
            resident = watched.memory_info().rss
        except psutil.Error:
            continue
        if resident > limits.memory_bytes:
            raise too_much_memory(name, limits)
        if time.monotonic() > deadline:
            raise refuse(
                name,
                f"读取超过 {limits.seconds:g} 秒仍未完成，已停止；文件可能损坏或被做了手脚，请重新导出或分成几个文件",
                f"reading took more than {limits.seconds:g} s and was stopped; the file may be damaged or hostile, "
                "export it again or split it",
            )


def too_much_memory(name: str, limits: FileLimits) -> UnreadableFileError:
    """Return the error for a file whose parsing outgrew its memory."""
    return refuse(
        name,
        f"读取时内存超过 {limits.memory_bytes >> 20} MB，已停止；文件可能是压缩炸弹，请删去空行空列或分成几个文件",
        f"reading it took more than {limits.memory_bytes >> 20} MB of memory and was stopped; it may be an archive "
        "bomb: delete empty rows and columns, or split it",
    )


def _result(folder: Path, name: str) -> dict[str, Any]:
    damaged = (
        "文件损坏、不完整或不是它后缀所说的格式，无法读取；请用原来的软件重新导出",
        "the file is damaged, cut off or not what its ending says and cannot be read; export it again",
    )
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise refuse(name, *damaged) from problem
    if "error" in result:
        raise refuse(name, result["error"]["zh"], result["error"]["en"])
    if result.get("exceeded") == "memory":
        raise refuse(
            name, "读取时内存不足，已停止；请分成几个文件", "reading it ran out of memory; split the file"
        )
    if "failed" in result:
        raise refuse(name, *damaged)
    return result


def _sheet(folder: Path, stated: dict[str, Any]) -> RawSheet:
    with pa.OSFile(str(folder / stated["file"]), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    shapes = None
    if "shape" in table.column_names and stated.get("geometry"):
        shapes = table.column("shape")
        table = table.drop_columns(["shape"])
    header = stated.get("header")
    return RawSheet(
        name=stated["name"],
        table=table,
        header=None if header is None else tuple(header),
        hidden=bool(stated.get("hidden")),
        hidden_rows=tuple(stated.get("hidden_rows", ())),
        shapes=shapes,
        crs=stated.get("crs"),
        crs_stated=bool(stated.get("crs_stated")),
        crs_name=stated.get("crs_name", ""),
        merges=tuple((m[0], m[1], m[2], m[3]) for m in stated.get("merges", ())),
        faults=tuple((row, column, Text(zh, en)) for row, column, zh, en in stated.get("faults", ())),
        meta={k: stated[k] for k in ("encoding", "delimiter", "notes") if k in stated},
    )
