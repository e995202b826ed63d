"""A backup is the whole workspace in one zip, checked before it takes the place of the last; and the way back.

Beside the files stands `riskmap-backup.json`: when it was made, by which program, the ledger's head, and the
SHA-256 of every file. Caches, temporary and hidden files, and other backups are left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import riskmap
from riskmap.actions.readings import FILE as READINGS_FILE
from riskmap.actions.readings import readings_of, series_file
from riskmap.actions.workspace import WORKSPACE_FILE, Workspace, open_workspace, store_url, workspace_dir
from riskmap.actions.workspace.settings import read_workspace_file
from riskmap.errors import LedgerError, Text, WorkspaceError
from riskmap.interface import option
from riskmap.io.files.atomic import private_folder, refusals, replacing
from riskmap.io.files.leftovers import mark
from riskmap.ledger import Ledger
from riskmap.ledger.series import SeriesStore, restore_series
from riskmap.ledger.store import file_of, stored_moment
from riskmap.moments import utc_now
from riskmap.rules.permissions import Actor

MANIFEST: Final = "riskmap-backup.json"


_README: Final = "说明 README.txt"


_README_TEXT: Final = """riskmap 工作区备份 / backup of a riskmap workspace

恢复到空文件夹 / restore onto an empty folder:
    riskmap restore 本文件.zip --workspace 新文件夹

只恢复台账 / the ledger alone, into a workspace that is there:
    riskmap restore 本文件.zip --workspace 工作区

含联系人等个人信息，请妥善保管 / holds personal data unmasked: keep it accordingly.
"""


_NOTED: Final = "backup "  # how the log of exports names one


_PACKED: Final = frozenset(
    {".zip", ".gz", ".mbtiles", ".pmtiles", ".tif", ".tiff", ".png", ".jpg", ".jpeg"}
) | frozenset({".pdf", ".parquet", ".docx", ".xlsx", ".gpkg"})  # packing these again gains nothing


_READINGS: Final = f"data/{READINGS_FILE}"  # as a backup names them


_SIDECARS: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: how many files of the workspace, and which that its settings name lie outside of it."""

    path: Path
    files: int
    outside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back: the ledger alone (`files` 0), or a workspace; `kept` holds what was replaced.

    `attached`: how many pictures and documents of records were missing or altered, and came back with a ledger.
    """

    root: Path
    store: str
    files: int = 0
    kept: Path | None = None
    attached: int = 0


@dataclass(frozen=True, slots=True)
class _Manifest:
    made: dt.datetime
    ledger: str
    files: Mapping[str, str]  # name → SHA-256


# Making one


def back_up(ws: Workspace, file: Path, *, by: Actor, why: str) -> Backup:
    """Write the workspace into one file, and note it as what it is: everything, unmasked, went out.

    The one that stood there is kept under its date, `[backup] keep` of them in all. LedgerError where the
    ledger is not sound, ExportError where the file cannot be written; then everything is as it was.
    """
    ledger = file_of(ws.store)
    covered = dict(_covered(ws.root, ledger, file))
    if file.exists() and file.resolve() in {ledger.resolve(), *(path.resolve() for path in covered.values())}:
        raise WorkspaceError(
            f"备份 {file}：这是工作区自己的文件，未写入；请换一个文件名",
            f"backup {file}: a file of the workspace itself, nothing was written; choose another file",
        )
    with replacing(file) as (part,):
        copy = part.with_name("ledger.copy")
        head = ws.ledger.backup(copy, place=file)
        covered |= dict(_covered(ws.root, ledger, file))  # what was attached until the ledger was copied
        named = _member_of(ws.root, ledger)
        facts = {
            "riskmap": riskmap.__version__,
            "made": utc_now().isoformat(timespec="seconds"),
            "ledger": named,
            "changeset": head.changeset if head else 0,
            "head": head.digest if head else "",
        }
        copies = {named: copy, **_readings_copied(ws, part.with_name("readings.copy"))}
        with refusals(file):
            manifest = _pack(part, {**covered, **copies}, facts)
            for each in copies.values():
                each.unlink()
            _verify(part, manifest, file)
            _keep_old(file, ws.config.backup.keep)
    with suppress(LedgerError):  # a ledger that cannot be written to is backed up all the same
        ws.ledger.record_export(by=by.name, why=why, what=f"{_NOTED}{file.resolve()}", unmasked=True)
    return Backup(file, len(manifest.files), tuple(_outside(ws)))


def _readings_copied(ws: Workspace, copy: Path) -> Mapping[str, Path]:
    """Copy the readings whole while sensors go on writing. LedgerError where their file is not sound."""
    with readings_of(ws) as store:
        if store is None:
            return {}
        if broken := store.check():
            raise LedgerError(
                f"读数 {store.path}：文件不完好（{broken[0]}），未备份；请用 riskmap restore 从旧备份恢复",
                f"readings {store.path}: the file is not sound ({broken[0]}), no backup was made; bring an older backup "
                "back with riskmap restore",
            )
        copy.touch(mode=0o600)
        store.copy_to(copy)
    return {_READINGS: copy}


def _covered(root: Path, ledger: Path, target: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Yield name → path of all files of a workspace but its ledger, readings, caches, hidden files and backups."""
    cache, seen = (root / "data" / "cache").resolve(), set[Path]()
    kept_apart = (ledger.resolve(), (root / _READINGS).resolve())
    databases = {path.with_name(path.name + end) for path in kept_apart for end in ("", *_SIDECARS)}
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder).resolve()
        folders[:] = [] if here in seen else sorted(f for f in folders if not _left_out(f))
        folders[:] = [f for f in folders if here / f != cache]
        seen.add(here)
        for name in sorted(files):
            path = Path(folder) / name
            kept = name.startswith(f"{ledger.name}.before-") and here == ledger.resolve().parent
            if _left_out(name) or kept or path.resolve() in databases or _is_backup(path, target):
                continue
            yield path.relative_to(root).as_posix(), path


_OWN: Final = {"__pycache__", "secret"}  # a restored server signs with a secret of its own


def _left_out(name: str) -> bool:
    return name.startswith((".", "before-restore-")) or name in _OWN or name.endswith(".part")


def _is_backup(path: Path, target: Path | None) -> bool:
    endings = {".zip"} | ({target.suffix} if target else set())
    return path.suffix in endings and zipfile.is_zipfile(path) and _manifest_of(path) is not None


def _member_of(root: Path, ledger: Path) -> str:
    with suppress(ValueError):
        return ledger.resolve().relative_to(root.resolve()).as_posix()
    return f"outside/{ledger.name}"


def _outside(ws: Workspace) -> Iterator[str]:
    """Yield the files that the settings name and that do not lie in the workspace."""
    for name in ws.config.files:
        if not ws.path(name).absolute().is_relative_to(ws.root):
            yield name


def _pack(part: Path, files: Mapping[str, Path], facts: Mapping[str, Any]) -> _Manifest:
    part.touch(mode=0o600)  # before the first byte is in it
    digests: dict[str, str] = {}
    with zipfile.ZipFile(
        part, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        archive.writestr(_README, _README_TEXT)
        for name, path in files.items():
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            packed = path.suffix.lower() in _PACKED
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(entry, "w") as out:
                digests[name] = _copied(source, out)
        archive.writestr(MANIFEST, json.dumps({**facts, "files": digests}, ensure_ascii=False, indent=1))
    return _Manifest(dt.datetime.fromisoformat(facts["made"]), facts["ledger"], digests)


def _copied(source: IO[bytes], out: IO[bytes] | None = None) -> str:
    """Read a file to its end, into another where one is given; return its SHA-256."""
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
        if out is not None:
            out.write(block)
    return digest.hexdigest()


def _verify(archive: Path, manifest: _Manifest, place: Path) -> None:
    """Read a finished backup back. LedgerError where it does not hold what went into it."""
    with _reading(archive, place) as found:
        for name, digest in manifest.files.items():
            with found.open(name) as member:
                if _copied(member) != digest:
                    raise _not_whole(place, name)


def _not_whole(place: Path, name: str) -> LedgerError:
    return LedgerError(
        f"备份 {place} › {name}：内容与清单不符，什么也没有改动；请检查磁盘，或换一份备份",
        f"backup {place} › {name}: not what the list in it says, nothing was changed; check the disk, or try another",
    )


def _keep_old(file: Path, keep: int) -> None:
    """Give the backup that is to be replaced its own date as a name, and let the oldest go."""
    if not file.exists():
        return
    manifest = _manifest_of(file) if zipfile.is_zipfile(file) else None
    made = manifest.made if manifest else dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)
    dated, number = f"{file.stem}-{made.astimezone():%Y-%m-%d_%H%M%S}", 1
    kept = file.with_name(f"{dated}{file.suffix}")
    while kept.exists():
        number += 1
        kept = file.with_name(f"{dated}-{number}{file.suffix}")
    try:
        os.link(file, kept)  # so that there is a last backup at every moment
    except OSError:
        file.replace(kept)
    name = re.compile(
        re.escape(file.stem) + r"-\d{4}-\d\d-\d\d_\d{6}(-(?P<again>\d+))?" + re.escape(file.suffix)
    )
    old = [path for path in file.parent.iterdir() if name.fullmatch(path.name)]
    for path in sorted(old, key=lambda p: (p.stat().st_mtime, p.name))[: -(keep - 1) or None]:
        path.unlink()


# The way back


def restore_backup(
    file: Path, directory: Path | None, store: str | None, *, by: Actor, why: str, whole: bool = False
) -> Restored:
    """Bring a backup back: the ledger into a workspace that is there, the workspace onto a folder that has none.

    `whole` replaces all of a workspace that is there; what is replaced is kept beside. Everything is read and
    checked first. LedgerError or WorkspaceError where it is not sound or something is in its way.
    """
    root = workspace_dir(directory).resolve()
    manifest = _manifest_of(file) if zipfile.is_zipfile(file) else None
    standing = (root / WORKSPACE_FILE).is_file()
    if manifest is None or (standing and not whole):
        if whole:
            raise WorkspaceError(
                f"备份 {file}：只有台账，没有整个工作区，未恢复；请去掉 {option('whole')}，或换一份备份",
                f"backup {file}: the ledger alone, no workspace; nothing was restored: leave {option('whole', 'en')} "
                "out, or try another backup",
            )
        return _restore_ledger(file, manifest, open_workspace(root, store), by=by, why=why)
    with refusals(root):
        root.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".riskmap-restore-{mark()}", dir=root))
        try:
            _unpack(file, manifest, room, manifest.files)
            return _put_in_place(file, manifest, room, root, store, by=by, why=why, over=standing)
        finally:
            shutil.rmtree(room, ignore_errors=True)


def _restore_ledger(
    file: Path, manifest: _Manifest | None, ws: Workspace, *, by: Actor, why: str
) -> Restored:
    if manifest is None:
        Ledger.restore(file, ws.store, by=by.name, why=why)
        return Restored(ws.root, ws.store)
    lost = [_READINGS] if _READINGS in manifest.files and not _opens(series_file(ws)) else []
    with (
        refusals(ws.root),
        tempfile.TemporaryDirectory(prefix=f".riskmap-restore-{mark()}", dir=ws.root) as room,
    ):
        _unpack(file, manifest, Path(room), [manifest.ledger, *lost])
        Ledger.restore(Path(room) / manifest.ledger, ws.store, by=by.name, why=why)
        for name in lost:
            _restore_readings(Path(room) / name, ws.root / name, _aside(ws.root) / name)
        return Restored(ws.root, ws.store, attached=_bring_files(file, manifest, ws, Path(room)))


def restore_files(file: Path, directory: Path | None, store: str | None) -> Restored:
    """Bring back the pictures and documents of records that are missing or altered; the ledger stays as it is.

    They are named by their content, so that nothing good is replaced. LedgerError where the backup is not sound.
    """
    ws = open_workspace(directory, store)
    manifest = _manifest_of(file) if zipfile.is_zipfile(file) else None
    if manifest is None:
        raise WorkspaceError(
            f"备份 {file}：只有台账，没有附件，未恢复；请换一份备份",
            f"backup {file}: the ledger alone and no attached files; nothing was restored, try another backup",
        )
    with (
        refusals(ws.root),
        tempfile.TemporaryDirectory(prefix=f".riskmap-restore-{mark()}", dir=ws.root) as room,
    ):
        return Restored(ws.root, ws.store, attached=_bring_files(file, manifest, ws, Path(room)))


def _bring_files(file: Path, manifest: _Manifest, ws: Workspace, room: Path) -> int:
    """Put attached files of a backup where they are missing or altered; return how many."""
    home = ws.files.folder.relative_to(ws.root).as_posix()
    wanted = [
        name
        for name, digest in manifest.files.items()
        if name.startswith(f"{home}/")
        and Path(name).stem == digest
        and not ((ws.root / name).is_file() and _digest_of(ws.root / name) == digest)
    ]
    _unpack(file, manifest, room, wanted)
    for name in wanted:
        private_folder((ws.root / name).parent)
        (room / name).replace(ws.root / name)
    return len(wanted)


def _put_in_place(
    file: Path,
    manifest: _Manifest,
    room: Path,
    root: Path,
    store: str | None,
    *,
    by: Actor,
    why: str,
    over: bool,
) -> Restored:
    """Move what was unpacked to where it belongs; the settings last, for they make a folder a workspace."""
    url = store_url(root, read_workspace_file(room / WORKSPACE_FILE).store, store)
    ledger = file_of(url)
    names = [name for name in manifest.files if name not in {manifest.ledger, WORKSPACE_FILE}]
    names = [name for name in (*names, WORKSPACE_FILE) if (root / name).resolve() != ledger.resolve()]
    if not over:
        _refuse_in_the_way(file, root, [*(root / name for name in names), ledger])
    private_folder(ledger.parent)
    Ledger.restore(room / manifest.ledger, url, by=by.name, why=why)
    kept = _aside(root)
    standing = dict(_covered(root, ledger)) if over else {}
    for name, path in standing.items():
        if name not in manifest.files:
            _moved(path, kept / name)
    if _READINGS in names:
        _restore_readings(room / _READINGS, root / _READINGS, kept / _READINGS)
    for name in (name for name in names if name != _READINGS):
        if name not in standing or manifest.files[name] != _digest_of(standing[name]):
            if name in standing:
                _set_aside(standing[name], kept / name)
            _moved(room / name, root / name)
    return Restored(root, url, len(names) + 1, kept if kept.exists() else None)


def _aside(root: Path) -> Path:
    """Return where what a restore replaces is kept."""
    return root / f"before-restore-{utc_now().astimezone():%Y-%m-%d_%H%M%S}"


def _opens(file: Path) -> bool:
    """Return whether a file of readings is there and can be read."""
    if not file.exists():
        return False
    try:
        SeriesStore.open(file).close()
    except LedgerError:
        return False
    return True


def _restore_readings(copy: Path, path: Path, kept: Path) -> None:
    """Bring the readings back, also where others have them open; those that are replaced are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        if _opens(path):
            kept.touch(mode=0o600)
            with closing(SeriesStore.open(path)) as store:
                store.copy_to(kept)
        else:  # damaged: out of the way with all that belongs to it
            for end in ("", *_SIDECARS):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + end).replace(kept.with_name(kept.name + end))
    restore_series(copy, path)


def _refuse_in_the_way(file: Path, root: Path, places: Sequence[Path]) -> None:
    standing = [path for path in places if path.exists()]
    if standing:
        raise WorkspaceError(
            f"{root}：已有文件 {standing[0]}（共 {len(standing)} 个会被覆盖），未恢复 {file}；请换一个空文件夹"
            f"（台账在别处时用 {option('store')} 指明）",
            f"{root}: {standing[0]} is there ({len(standing)} files would be overwritten), {file} was not restored; "
            f"choose an empty folder (and {option('store', 'en')} where the ledger lies elsewhere)",
        )


def _digest_of(path: Path) -> str:
    with path.open("rb") as source:
        return _copied(source)


def _set_aside(path: Path, to: Path) -> None:
    """Keep a file that is about to be replaced; it stays in its place until then."""
    private_folder(to.parent)
    try:
        os.link(path, to)
    except OSError:
        shutil.copy2(path, to)


def _moved(path: Path, to: Path) -> None:
    private_folder(to.parent)
    path.replace(to)


def _unpack(file: Path, manifest: _Manifest, room: Path, names: Sequence[str] | Mapping[str, str]) -> None:
    """Unpack the named files, each as the list in the backup says it is."""
    with _reading(file, file) as archive:
        for name in names:
            target = room / name
            private_folder(target.parent)
            target.touch(mode=0o600)
            with archive.open(name) as member, target.open("wb") as out:
                if _copied(member, out) != manifest.files[name]:
                    raise _not_whole(file, name)


@contextmanager
def _reading(archive: Path, place: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as found:
            yield found
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, zlib.error) as problem:
        raise _not_whole(place, str(problem).strip("'")) from problem


def _manifest_of(archive: Path) -> _Manifest | None:
    """Return the list of a backup, None where a zip is none of ours. LedgerError where the list is spoiled."""
    with _reading(archive, archive) as found:
        if MANIFEST not in found.namelist():
            return None
        try:
            said = json.loads(found.read(MANIFEST))
            made, ledger, files = dt.datetime.fromisoformat(said["made"]), said["ledger"], dict(said["files"])
        except (ValueError, TypeError, KeyError) as problem:
            raise _not_whole(archive, MANIFEST) from problem
    if ledger not in files or not all(_stays_inside(name) for name in files):
        raise _not_whole(archive, MANIFEST)
    return _Manifest(made, ledger, files)


def _stays_inside(name: str) -> bool:
    path = Path(name)  # as this system reads it
    return bool(path.parts) and not path.anchor and ".." not in path.parts


# When the last one was made


@dataclass(frozen=True, slots=True)
class BackupState:
    """The last good backup: when (None: never) and where; `behind` the ledger was written to since.

    `overdue`: what was written since, or ever, is older than `[backup] days`. `gone`: it no longer lies where
    it was put, though its folder is there.
    """

    at: dt.datetime | None
    path: str
    behind: bool
    overdue: bool
    gone: bool


def last_backup(ws: Workspace, *, now: dt.datetime) -> BackupState | None:
    """Return how it stands with backups, None where there is nothing to back up yet."""
    last = next((stored_moment(one.at) for one in ws.ledger.changesets(limit=1)), None)
    if last is None:
        return None
    noted = next(iter(ws.ledger.exports(limit=1, what=_NOTED)), None)
    longest = dt.timedelta(days=ws.config.backup.days)
    if noted is None:
        first = ws.ledger.written_at(1)
        return BackupState(None, "", True, now - (stored_moment(first) if first else last) > longest, False)
    made, path = stored_moment(noted.at), noted.what.removeprefix(_NOTED)
    behind = last > made
    place = Path(path)
    gone = place.is_absolute() and place.parent.is_dir() and not place.exists()
    return BackupState(made, path, behind, behind and now - made > longest, gone)


def backup_text(found: BackupState, now: dt.datetime) -> Text:
    """Return when the last good backup was made, and what has come since."""
    if found.at is None:
        return Text("还没有备份", "no backup yet")
    days = max((now - found.at).days, 0)
    at = found.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%MZ")
    zh, en = f"上次完好的备份：{at}（{days} 天前）", f"last good backup: {at} ({days} days ago)"
    if found.behind:
        zh, en = f"{zh}，之后有写入", f"{en}, written to since"
    if found.gone:
        zh, en = f"{zh}；文件已不在原处", f"{en}; the file is no longer there"
    return Text(zh, en)
