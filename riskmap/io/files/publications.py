"""A publication on disk: a folder of canonical files under one digest, which any later day and machine can make again.

Tables are CSV in one form and no other: rows by code, words and numbers as text, lists joined by |, yes and no as 1
and 0, what is not known as nothing (an empty text as ""), no byte that depends on a library's layout. Parquet and
Arrow files change with the library that writes them. What is packed is packed without its time, and digests are of
what is unpacked.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from riskmap.errors import LedgerError, Text, UnknownNameError, WorkspaceError
from riskmap.io.files.atomic import private_folder, refusals, sync_folder
from riskmap.io.files.leftovers import mark, sweep
from riskmap.json_documents import dumps

pc: Any = pyarrow.compute


FOLDER: Final = "publications"


MANIFEST: Final = "manifest.json"


CONTACTS: Final = "data/contacts.csv.gz"
"""The file of persons, apart from the rest: all else may be given away with a digest of its own."""


FORMAT: Final = 1


_LONGEST: Final = 80


_NOT_IN_NAMES: Final = frozenset('/\\:*?"<>|\0') | {chr(i) for i in range(32)}


def canonical_csv(table: pa.Table) -> bytes:
    """Return a table as the one CSV that it is; its columns in their order, its rows as they stand."""
    columns = {name: _canonical(table[name]) for name in table.column_names}
    out = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    head = ",".join('"' + name.replace('"', '""') + '"' for name in columns)
    out.write(f"{head}\n".encode())
    if len(table):
        pyarrow.csv.write_csv(pa.table(columns), out, options)
    return out.getvalue()


def _canonical(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8())
    if pa.types.is_floating(kind):
        numbers = column.combine_chunks().cast(pa.float64())
        known = pc.fill_null(pc.is_finite(numbers), fill_value=False)
        return pc.if_else(known, pc.add(numbers, 0.0), pa.scalar(None, pa.float64()))  # −0 is 0
    if pa.types.is_list(kind):
        return pa.array(
            [None if row is None else "|".join(map(str, row)) for row in column.to_pylist()], pa.string()
        )
    if pa.types.is_binary(kind):
        return pa.array([None if row is None else row.hex() for row in column.to_pylist()], pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    return column


def read_canonical(content: bytes) -> pa.Table:
    """Return a canonical table with every column as text; null where nothing stands, "" where an empty text does."""
    head, _, rest = content.partition(b"\n")
    names = next(iter(_split(head.decode())))
    if not rest:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return pyarrow.csv.read_csv(
        io.BytesIO(content),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def _split(line: str) -> Iterator[list[str]]:
    yield from csv.reader([line])


def packed(content: bytes) -> bytes:
    """Return a content as gzip, the same bytes for the same content and zlib: no time and no name in it."""
    return gzip.compress(content, compresslevel=6, mtime=0)


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a publication: its path in it, how many rows it has (0 where it is no table), and what it is unpacked."""

    path: str
    rows: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: str, content: bytes, rows: int = 0) -> PublishedFile:
        """Return what the manifest says of a content."""
        return cls(path, rows, len(content), hashlib.sha256(content).hexdigest())


def digest_of(files: Sequence[PublishedFile]) -> str:
    """Return the SHA-256 over path, SHA-256 and rows of files, whatever their order."""
    lines = sorted(f"{one.path}\0{one.sha256}\0{one.rows}" for one in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a publication says of itself. `as_of` a moment in UTC, `ledger_state` the last changeset of it.

    `period`: of its figures; `despite`: the statements that did not hold and were passed, with `why` and `second`, the
    other person. `models`: layer → digests of the model and of the fit that gave its tiers. `open_digest` leaves persons
    out. `made_at`, `made_with` and the chain's `head` are in no digest.
    """

    name: str
    district: str
    as_of: str
    ledger_state: int
    period: str | None
    by: str
    second: str | None
    why: str
    despite: tuple[str, ...]
    own: tuple[str, ...]
    week_starts: str
    files: tuple[PublishedFile, ...]
    made_at: str
    made_with: Mapping[str, str]
    head: str = ""
    demo: bool = False
    models: Mapping[str, tuple[str | None, str | None]] = field(
        default_factory=dict[str, tuple[str | None, str | None]]
    )

    @property
    def digest(self) -> str:
        """What all of its files are known by."""
        return digest_of(self.files)

    @property
    def open_digest(self) -> str:
        """What its files without persons are known by."""
        return digest_of([one for one in self.files if one.path != CONTACTS])

    @property
    def figures(self) -> str:
        """The SHA-256 of its figures."""
        return next((one.sha256 for one in self.files if one.path == "figures.json"), "")

    def as_json(self) -> dict[str, Any]:
        """Return the document of the manifest."""
        return {
            "format": FORMAT,
            "name": self.name,
            "district": self.district,
            "demo": self.demo,
            "as_of": self.as_of,
            "ledger_state": self.ledger_state,
            "period": self.period,
            "by": self.by,
            "second": self.second,
            "why": self.why,
            "despite": list(self.despite),
            "own": list(self.own),
            "week_starts": self.week_starts,
            "models": {layer: [*pair] for layer, pair in self.models.items()},
            "figures": self.figures,
            "files": [
                {"path": one.path, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256}
                for one in self.files
            ],
            "digest": self.digest,
            "open_digest": self.open_digest,
            "made_at": self.made_at,
            "made_with": dict(self.made_with),
            "head": self.head,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what the manifest says: missing, altered, or not in it."""

    path: str
    what: Text


class Publications:
    """The publications of a workspace, by name. Nothing that was published is ever written over."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def names(self) -> list[str]:
        """Return the names of what was published, in the order of the moments that they are of."""
        if not self.folder.is_dir():
            return []
        found = [
            path.name for path in self.folder.iterdir() if (path / MANIFEST).is_file() and path.name[0] != "."
        ]
        return sorted(found, key=lambda name: (self._as_of(name), name))

    def _as_of(self, name: str) -> str:
        try:
            return self.manifest(name).as_of
        except LedgerError:
            return ""

    def free_name(self, name: str) -> str:
        """Return the name under which something is published: with #2, #3 … where it is taken. WorkspaceError for a
        name that no folder can have.
        """
        plain = name.strip()
        if (
            not plain
            or plain[0] in ".~"
            or len(plain) > _LONGEST
            or not _NOT_IN_NAMES.isdisjoint(plain)
            or "#" in plain
        ):
            raise WorkspaceError(
                f"发布名称 {name!r} 不能用；请用文字和数字，如 2024年度，不含 / \\ : * ? # 等，不超过 {_LONGEST} 个字",
                f"{name!r} cannot be the name of a publication; use words and numbers, such as 2024, without / \\ : * ? #, "
                f"{_LONGEST} characters at most",
            )
        taken, number = plain, 1
        while (self.folder / taken).exists():
            number += 1
            taken = f"{plain}#{number}"
        return taken

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a publication. UnknownNameError where there is none, LedgerError where it cannot be read."""
        path = self.folder / name / MANIFEST
        if "/" in name or "\\" in name or not path.is_file():
            known = [one.name for one in self.folder.iterdir()] if self.folder.is_dir() else []
            listed = "、".join(sorted(known)[:12]) or "（无）"
            raise UnknownNameError(
                f"没有名为 {name} 的发布；现有：{listed}",
                f"no publication {name}; there are: {listed}",
            )
        try:
            body = json.loads(path.read_bytes())
            return Manifest(
                name=body["name"],
                district=body["district"],
                as_of=body["as_of"],
                ledger_state=int(body["ledger_state"]),
                period=body["period"],
                by=body["by"],
                second=body["second"],
                why=body["why"],
                despite=tuple(body["despite"]),
                own=tuple(body["own"]),
                week_starts=body["week_starts"],
                files=tuple(
                    PublishedFile(one["path"], int(one["rows"]), int(one["bytes"]), one["sha256"])
                    for one in body["files"]
                ),
                made_at=body["made_at"],
                made_with=body["made_with"],
                head=body.get("head", ""),
                demo=bool(body.get("demo", False)),
                models={layer: (model, fit) for layer, (model, fit) in body["models"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise LedgerError(
                f"发布 {name} › {MANIFEST}：读不出来；请从备份恢复该文件夹",
                f"publication {name} › {MANIFEST}: cannot be read; bring the folder back from a backup",
            ) from problem

    def content(self, name: str, path: str) -> bytes:
        """Return a file of a publication, unpacked. LedgerError where it is not there or cannot be unpacked."""
        try:
            raw = (self.folder / name / path).read_bytes()
            return gzip.decompress(raw) if path.endswith(".gz") else raw
        except (OSError, EOFError, zlib.error) as problem:
            raise LedgerError(
                f"发布 {name} › {path}：读不出来；请从备份恢复该文件夹",
                f"publication {name} › {path}: cannot be read; bring the folder back from a backup",
            ) from problem

    def differences(self, name: str) -> list[Difference]:
        """Return the files of a publication that are not what its manifest says; [] where it is as it was published."""
        manifest = self.manifest(name)
        found: list[Difference] = []
        for one in manifest.files:
            try:
                here = PublishedFile.of(one.path, self.content(name, one.path), one.rows)
            except LedgerError:
                found.append(Difference(one.path, Text("缺失或读不出来", "missing, or cannot be read")))
                continue
            if here.sha256 != one.sha256:
                found.append(Difference(one.path, Text("内容已改动", "altered")))
        stated = json.loads((self.folder / name / MANIFEST).read_bytes())
        if stated["digest"] != manifest.digest:
            found.append(Difference(MANIFEST, Text("清单与摘要不符", "its list does not give its digest")))
        listed = {one.path for one in manifest.files} | {MANIFEST}
        for path in sorted((self.folder / name).rglob("*")):
            inside = path.relative_to(self.folder / name).as_posix()
            if path.is_file() and inside not in listed:
                found.append(Difference(inside, Text("清单中没有", "not in its list")))
        return found

    def write(self, name: str, manifest: Manifest, contents: Mapping[str, bytes]) -> Path:
        """Write a publication whole or not at all: beside its place, synced, then moved there. `contents` unpacked."""
        target = self.folder / name
        with refusals(target):
            private_folder(self.folder)
            sweep([self.folder])
            room = Path(tempfile.mkdtemp(prefix=f".riskmap-export-{mark()}", dir=self.folder))
            try:
                for path, content in contents.items():
                    _put(
                        room / path,
                        packed(content) if path.endswith(".gz") else content,
                        private=path == CONTACTS,
                    )
                _put(room / MANIFEST, dumps(manifest.as_json(), indent=True) + b"\n")
                for folder in (*(one for one in room.rglob("*") if one.is_dir()), room):
                    sync_folder(folder)
                if target.exists():
                    raise FileExistsError(17, "File exists", str(target))
                room.chmod(0o700)
                room.rename(target)
                sync_folder(self.folder)
            finally:
                shutil.rmtree(room, ignore_errors=True)
        return target


def _put(path: Path, content: bytes, *, private: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
