"""Adding a register is adding a file: parents, tickets and children that nobody wrote code for go the whole way."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import load_catalog
from riskmap.moments import CLOCK
from riskmap.selection import Selection, tile
from tests.cli import riskmap
from tests.rooms.test_unseen_layer import HAN, SLUG, TAKEN, _tile_of

KEPT = TAKEN | {"state", "closed", "overdue", "since", "layer", "tier", "score", "flags", "why", "link"}


@dataclass(frozen=True)
class Names:
    """What is drawn: ids of layers and fields, Chinese titles, how many states, how codes and links are."""

    parent: str
    ticket: str
    child: str
    link: str
    found: str
    due: str
    day: str
    proof: str
    number: str
    rollup: str
    titles: list[str]
    states: int
    serial: bool
    several: bool
    inherit: bool

    def state(self, i: int) -> str:
        return f"s{i}_{self.ticket}"


@st.composite
def unseen(draw: st.DrawFn) -> Names:
    known = KEPT | set(load_catalog(Path()).layers)
    slug = SLUG.filter(lambda s: s not in known)
    ids = draw(st.lists(slug, min_size=10, max_size=10, unique=True))
    titles = draw(st.lists(HAN, min_size=16, max_size=16, unique=True))
    return Names(
        *ids,
        titles=titles,
        states=draw(st.integers(3, 5)),
        serial=draw(st.booleans()),
        several=draw(st.booleans()),
        inherit=draw(st.booleans()),
    )


def said(text: str) -> str:
    return f"{{ zh = {json.dumps(text, ensure_ascii=False)}, en = {json.dumps(text, ensure_ascii=False)} }}"


def parent_file(n: Names) -> str:
    return f"""
id = "{n.parent}"
title = {said(n.titles[0])}
geometry = "point"
counts = "resource"
rollups = [
  {{ id = "{n.rollup}", title = {said(n.titles[1])}, of = "{n.ticket}", by = "{n.link}", count = true, where = [{{ field = "state", op = "!=", value = "{n.state(n.states - 1)}" }}] }},
]
"""


def ticket_file(n: Names) -> str:
    last = n.states - 1
    states = "".join(
        f"  {{ id = '{n.state(i)}', title = {said(n.titles[8 + i])}{', closed = true' if i == last else ''} }},\n"
        for i in range(n.states)
    )
    moves = "".join(
        f"  {{ id = 'm{i}', title = {said(n.titles[13] + str(i))}, from = ['{n.state(i)}'], to = '{n.state(i + 1)}', asks = ['{n.due if i == 0 else n.proof}'] }},\n"
        for i in range(last - 1)
    )
    return f"""
id = "{n.ticket}"
title = {said(n.titles[2])}
counts = "work"
geometry = "{"inherit" if n.inherit else "none"}"
{f'position_from = ["{n.link}"]' if n.inherit else ""}
moment = "{n.found}"
{f'key = {{ kind = "serial", prefix = "QX", same = ["{n.link}", "{n.number}"] }}' if n.serial else ""}
fields = [
  {{ id = "{n.link}", title = {said(n.titles[3])}, type = "record", of = ["{n.parent}"], several = {str(n.several).lower()} }},
  {{ id = "{n.number}", title = {said(n.titles[4])}, type = "integer", min = 0 }},
  {{ id = "{n.found}", title = {said(n.titles[5])}, type = "date" }},
  {{ id = "{n.due}", title = {said(n.titles[6])}, type = "date" }},
  {{ id = "{n.day}", title = {said(n.titles[7])}, type = "date" }},
  {{ id = "{n.proof}", title = {said(n.titles[14])}, type = "text" }},
]
laws = [{{ id = "in_order", field = "{n.due}", op = ">=", than = "{n.found}", else = "reject" }}]
[flow]
start = "{n.state(0)}"
found = "{n.found}"
due = "{n.due}"
states = [
{states}]
moves = [
{moves}  {{ id = "end", title = {said(n.titles[13])}, from = ["{n.state(last - 1)}"], to = "{n.state(last)}", asks = ["on"], needs = ["{n.due}"], other_than = ["m{last - 2}"], sets = {{ {n.day} = "on" }} }},
]
"""


def child_file(n: Names) -> str:
    return f"""
id = "{n.child}"
title = {said(n.titles[15])}
geometry = "none"
counts = "event"
belongs_to = {{ layer = "{n.ticket}", field = "of_{n.ticket}" }}
key = {{ kind = "child" }}
[[fields]]
id = "many_{n.child}"
title = {said(n.titles[4] + "甲")}
type = "integer"
"""


def table(home: Path, name: str, header: list[str], *rows: list[object]) -> Path:
    path = home / f"{name}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return path


def bring(home: Path, layer: str, file: Path, *more: object) -> dict:
    ran = riskmap("import", layer, file, "--crs", "cgcs2000", "--json", "--workspace", home, *more)
    return ran.json["files"][0]


def chosen(home: Path, *words: object) -> list[dict]:
    ran = riskmap("select", *words, "--json", "--workspace", home)
    assert ran.status == 0, ran.err
    return ran.json["features"]


def move(home: Path, n: Names, code: str, what: str, *more: object, by: str = "甲") -> int:
    words = ("move", n.ticket, code, what, *more, "--by", by, "--why", "测试", "--workspace", home)
    return riskmap(*words).status


@given(names=unseen())
@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_register_never_seen_is_imported_selected_moved_listed_exported_read_again_and_mapped(
    tmp_path_factory: pytest.TempPathFactory, names: Names
):
    n, home = names, tmp_path_factory.mktemp("unseen") / "ws"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, "2026-11-29T02:00:00Z")
        _whole_way(n, home)


def _whole_way(n: Names, home: Path) -> None:
    assert riskmap("init", home).status == 0
    for layer, text in ((n.parent, parent_file(n)), (n.ticket, ticket_file(n)), (n.child, child_file(n))):
        (home / "layers" / f"{layer}.toml").write_text(text, encoding="utf-8")
    (home / "lists").mkdir()
    (home / "lists" / "open_ones.toml").write_text(
        f'id = "open_ones"\ntitle = {said("清单")}\nof = ["{n.ticket}"]\nwhere = ["closed = false"]\n'
        f'source = "测试"\ncolumns = ["code", "state", "{n.number}"]\norder = ["-{n.number}"]\ngroup_by = "state"\n',
        encoding="utf-8",
    )
    codes = _taken_in(n, home)
    _moved(n, home, codes)
    _listed_and_mapped(n, home)
    _exported_and_read_again(n, home)
    findings = riskmap("check", "--json", "--workspace", home).json["findings"]
    assert [one["message"] for one in findings if one["severity"] == "error"] == []


def _taken_in(n: Names, home: Path) -> list[str]:
    """Three parents, five tickets of which one names nobody, two equal children; return the codes of the tickets."""
    parents = [[f"P{i}", f"点{i}", 114.1 + i / 100, 22.55] for i in range(3)]
    done = bring(home, n.parent, table(home, "parents", ["编号", "名称", "经度", "纬度"], *parents))
    assert done["inserted"] == 3
    t = n.titles
    link = ["P0、P1" if n.several else "P0", "P1", "P1", "P2", "P9"]
    rows = [[f"T{i}", link[i], i * 10, "2026-09-01"] for i in range(5)]
    header = ["编号", t[3], t[4], t[5]]
    file = table(home, "tickets", *([header[1:], *(r[1:] for r in rows)] if n.serial else [header, *rows]))
    done = bring(home, n.ticket, file)
    assert (done["inserted"], done["held"], done["rejected"]) == (4, 1, 0), done["issues"]
    assert [one["rule"] for one in done["issues"]] == ["no_such_record"]
    assert bring(home, n.ticket, file)["unchanged"] == 4, "one file twice changes nothing"
    found = chosen(home, n.ticket)
    codes = [one["code"] for one in sorted(found, key=lambda one: one["fields"][n.number])]
    assert len(codes) == 4
    assert all(code.startswith("QX2026-") if n.serial else code.startswith("T") for code in codes)
    equal = table(home, "children", ["编号甲", f"of_{n.ticket}", t[4] + "甲"], *[["", codes[1], 7]] * 2)
    assert bring(home, n.child, equal)["inserted"] == 2
    assert {one["code"] for one in chosen(home, n.child)} == {f"{codes[1]}-001", f"{codes[1]}-002"}
    (one,) = chosen(home, n.ticket, "--where", f"{n.number} = 10")
    assert one["children"] == {n.child: 2}
    assert {one["code"] for one in chosen(home, n.ticket, "--where", f"link.{n.link}.name = 点1")} >= set(
        codes[1:3]
    )
    return codes


def _open(n: Names, home: Path) -> dict[str, int]:
    return {one["code"]: one["fields"][n.rollup] for one in chosen(home, n.parent)}


def _moved(n: Names, home: Path, codes: list[str]) -> None:
    """One ticket goes to its end, by a second person; what is refused changes nothing; one undo takes the last move back."""
    before, code, last = _open(n, home), codes[1], n.states - 1
    assert before == {"P0": 1, "P1": 3 if n.several else 2, "P2": 1}
    assert move(home, n, code, "m0") == 2, "it asks for a deadline"
    assert move(home, n, code, "m0", "--set", f"{n.due}=2026-08-01") == 2, "before it was found"
    assert move(home, n, code, "m0", "--set", f"{n.due}=2026-10-01") == 0
    for i in range(1, last - 1):
        assert move(home, n, code, f"m{i}", "--set", f"{n.proof}=照片") == 0
    assert _overdue(n, home) == [code]
    assert move(home, n, code, "end", "--on", "2026-11-20") == 2, "by the same person"
    assert move(home, n, code, "end", "--on", "2026-08-20", by="乙") == 2, "before it was found"
    assert move(home, n, code, "end", "--on", "2026-11-29", by="乙") == 0
    (one,) = chosen(home, n.ticket, "--where", "closed = true")
    assert (one["code"], one["fields"][n.day], one["fields"]["state"]) == (code, "2026-11-29", n.state(last))
    assert _open(n, home) == {**before, "P1": before["P1"] - 1}
    assert _overdue(n, home) == []
    changeset = riskmap("changes", "--json", "--workspace", home).json["changesets"][0]["id"]
    assert riskmap("undo", changeset, "--why", "测试", "--workspace", home).status == 0
    assert _open(n, home) == before
    assert move(home, n, code, "end", "--on", "2026-11-29", by="乙") == 0


def _overdue(n: Names, home: Path) -> list[str]:
    found = riskmap("work", "--overdue", "--json", "--workspace", home).json["items"]
    return [one["code"] for one in found if one["layer"] == n.ticket]


def _listed_and_mapped(n: Names, home: Path) -> None:
    ran = riskmap("list", "open_ones", "--json", "--workspace", home)
    assert ran.status == 0, ran.err
    listed = ran.json
    assert listed["count"] == 3
    assert [row[n.number] for row in listed["rows"]] == [30, 20, 0]
    assert sum(one["count"] for one in listed["groups"]) == 3
    snapshot = current_snapshot(open_workspace(home))
    drawn = tile(snapshot, Selection(layers=(n.ticket,)), 10, *_tile_of(114.12, 22.55, 10))
    assert (int.from_bytes(drawn[:4], "little") >= 1) == n.inherit


def _exported_and_read_again(n: Names, home: Path) -> None:
    for layer, count in ((n.parent, 3), (n.ticket, 4), (n.child, 2)):
        endings = ("xlsx", "csv", *(("geojson", "gpkg") if layer != n.child and n.inherit else ()))
        for ending in endings:
            out = home / f"out_{layer}.{ending}"
            assert riskmap("export", layer, "--to", out, "--workspace", home).status == 0
            back = bring(home, layer, out, "--dry-run")
            fates = Counter(
                {key: back[key] for key in ("unchanged", "updated", "inserted", "held", "rejected")}
            )
            assert +fates == {"unchanged": count}, (layer, ending, back["issues"])
