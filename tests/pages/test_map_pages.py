from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

import riskmap.web
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Text
from riskmap.io.writers import export_formats
from riskmap.selection import NOT_STATED, area_text, counts, ring_of
from riskmap.texts import keys, t
from riskmap.vocabulary import FLAGS, RANK_OF, TIER_TITLES
from riskmap.web.frame import background, downloads, state
from riskmap.web.frame.assets import bundles
from riskmap.web.widgets.filters import NOTHING, SWITCHES, Filters, escape_markdown, left_out
from riskmap.web.widgets.map import Bounds, Frame, MapView, build_map, pack, showing
from tests.map_workspace import EAST, HOSTILE, NORTH, SOUTH, STREETS, WEST, make_workspace
from tests.pages_running import html, open_page, panel, panels, texts, use_workspace
from tests.waiting import PATIENCE_S

AREA = ring_of([(114.106, 22.575), (114.126, 22.575), (114.126, 22.567), (114.106, 22.567)])
MAIN = Path(riskmap.web.__file__).with_name("main.py")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("pages") / "ws")


@pytest.fixture
def app(monkeypatch):
    """Run the app over a workspace; returns what it drew."""

    def run(root: Path, **query: str) -> AppTest:
        use_workspace(monkeypatch, root)
        app = AppTest.from_file(str(MAIN), default_timeout=PATIENCE_S)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    yield run
    state.workspace.cache_clear()
    state.signer.cache_clear()


def drawn(app: AppTest) -> str:
    assert not app.exception
    blocks = [*app.markdown, *app.header, *app.subheader, *app.error, *app.caption]
    return "\n".join(str(block.value) for block in blocks)


def switches(app: AppTest) -> dict[str, int]:
    """Label of each switch → its number."""
    found = {}
    for box in app.checkbox:
        label, number = re.fullmatch(r"(.*) \*\*([\d,]+)\*\*", box.label).groups()
        found[label] = int(number.replace(",", ""))
    return found


def test_an_empty_workspace_tells_a_newcomer_what_to_do(app, tmp_path):
    create_workspace(tmp_path / "ws")
    text = drawn(app(tmp_path / "ws"))
    assert t("empty_title") in text
    assert t("empty_step_import") in text
    assert "--demo" in text


def test_a_folder_that_is_no_workspace_is_named_in_one_message(app, tmp_path):
    text = drawn(app(tmp_path))
    assert t("workspace_problem") in text
    assert "riskmap init" in text


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"tiers": "major,unrated"},
        {"layers": "risk_points,shelters"},
        {"sub": STREETS[1], "tiers": "low"},
        {"q": "普通点"},
        {"flags": "unlocated"},
        {"tiers": "-"},
        {"area": area_text(AREA), "tiers": "major"},
        {"tiers": "nonsense", "layers": "nonsense", "sub": "nonsense", "flags": "nonsense"},
    ],
)
def test_the_switches_say_the_numbers_that_the_selection_counts(app, filled, query):
    snapshot = current_snapshot(filled)
    shown = switches(app(filled.root, **query))
    filters = Filters.from_query(query, snapshot)
    for tier in SWITCHES:
        wider = dataclasses.replace(filters, tiers=frozenset(SWITCHES)).selection(
            snapshot.layers, snapshot.others
        )
        expected = int(counts(snapshot, wider).array[:, RANK_OF[tier]].sum())
        assert shown[TIER_TITLES[tier].zh] == expected
    for i, layer in enumerate(snapshot.layers):
        wider = dataclasses.replace(filters, layers=frozenset(snapshot.layers)).selection(
            snapshot.layers, snapshot.others
        )
        assert shown[filled.catalog.layer(layer).title.zh] == int(counts(snapshot, wider).array[i].sum())


def test_switching_a_tier_off_is_kept_in_the_address(app, filled):
    run = app(filled.root)
    run.checkbox(key="filter-tier-low").uncheck()
    run.run()
    assert run.query_params["tiers"] == "major,large,general,unrated"
    run.button(key="filter-reset").click()
    run.run()
    assert "tiers" not in run.query_params
    assert run.checkbox(key="filter-tier-low").value


def test_the_language_of_the_address_is_the_language_of_the_page(app, filled):
    run = app(filled.root, lang="en")
    assert "Unrated" in switches(run)
    assert run.query_params["lang"] == "en"


def test_a_language_that_the_browser_kept_is_that_of_an_address_without_one(app, filled, monkeypatch):
    monkeypatch.setattr(ContextProxy, "cookies", {"riskmap-lang": "en"})
    assert "Unrated" in switches(app(filled.root))
    assert "未评" in switches(app(filled.root, lang="zh"))
    monkeypatch.setattr(ContextProxy, "cookies", {"riskmap-lang": "<script>"})
    assert "未评" in switches(app(filled.root))


def test_an_area_in_the_address_narrows_map_list_and_files_alike(app, filled):
    area = area_text(AREA)
    run = app(filled.root, area=area)
    snapshot = current_snapshot(filled)
    wanted = Filters.from_query({"area": area}, snapshot).selection(snapshot.layers, snapshot.others)
    assert counts(snapshot, wanted).total == 2
    assert '<b class="rm-total">2</b>' in html(run)
    assert [row[1] for row in texts(panel(run, "map-area-table"))] == ["孤点major", "孤点large"]
    listed = open_page("inventory", area=area)
    assert panel(listed, "inventory-figures")["figures"][0]["text"] == "2"
    for at, key in (
        (run, "map-area-downloads"),
        (listed, "inventory-downloads"),
        (app(filled.root), "map-downloads"),
    ):
        *files, sheet, atlas, page = panel(at, key)["items"]
        asked = [downloads.asked(state.signer(), one["href"].removeprefix("download/"), "") for one in files]
        assert [one.format for one in asked] == list(export_formats())
        assert [one["name"].rpartition(".")[2] for one in (sheet, atlas, page)] == ["pdf", "pdf", "html"]
        if key != "map-downloads":
            assert {one.selection for one in asked} == {wanted}
    run.button(key="filter-area-drop").click().run()
    assert "area" not in run.query_params
    assert "map-area-table" not in panels(run)


@pytest.mark.parametrize(
    "area", ["x", "AAAA", area_text(AREA)[:-2], area_text(AREA) + "AB", "<script>", "_" * 9999]
)
def test_a_broken_area_is_named_and_narrows_nothing(app, filled, area):
    snapshot = current_snapshot(filled)
    for at in (app(filled.root, area=area, tiers="major"), open_page("inventory", area=area, tiers="major")):
        assert not at.exception
        (said,) = [one.value for one in at.warning if "圈选" in one.value]
        assert "没有按圈选范围筛选" in said
        assert "重新圈选" in said
        assert "<script>" not in said
        assert at.query_params["area"] == area  # a reload says it again
        wanted = Filters.from_query({"tiers": "major"}, snapshot).selection(snapshot.layers, snapshot.others)
        assert (
            switches(at)[TIER_TITLES["major"].zh] == counts(snapshot, wanted).risks[:, RANK_OF["major"]].sum()
        )


def test_words_of_an_address_that_do_not_exist_are_named(app, filled):
    run = app(filled.root, tiers="major,extreme", sub=f"{STREETS[0]},无此街道", layers="moon", flags="<b>")
    said = "".join(one.value for one in run.warning)
    for word in ("extreme", "无此街道", "moon"):
        assert word in said
    assert "major" not in said
    assert STREETS[0] not in said
    run.checkbox(key="filter-tier-large").check()
    run.run().run()
    assert not run.warning  # whoever chooses anew has an address of what exists


@given(
    layers=st.sets(st.sampled_from(["risk_points", "slopes", "forest_fire_grids", "shelters"])),
    tiers=st.sets(st.sampled_from(SWITCHES)),
    subdistricts=st.sets(st.sampled_from(STREETS)),
    flags=st.sets(st.sampled_from(list(FLAGS))),
    text=st.sampled_from(["", "孤点", "<img src=x>"]) | st.text(max_size=90),
    area=st.sampled_from([(), AREA]),
)
def test_a_filter_and_its_address_are_one_thing(filled, *, layers, tiers, subdistricts, flags, text, area):
    snapshot = current_snapshot(filled)
    filters = Filters(
        frozenset(layers),
        frozenset(tiers),
        tuple(s for s in snapshot.subdistricts if s in subdistricts),
        tuple(f for f in FLAGS if f in flags),
        " ".join(text.split())[:80].strip(),
        area,
    )
    query = filters.to_query(snapshot.layers)
    again = Filters.from_query(query, snapshot)
    assert again == filters
    assert again.to_query(snapshot.layers) == query
    assert left_out(query, snapshot) == []
    wanted = filters.selection(snapshot.layers, snapshot.others)
    assert again.selection(snapshot.layers, snapshot.others) == wanted
    assert (wanted.within is not None) == (bool(area) and wanted.codes == ())


def test_a_filter_with_nothing_on_selects_nothing(filled):
    snapshot = current_snapshot(filled)
    off = Filters(frozenset(), frozenset(SWITCHES))
    assert off.selection(snapshot.layers) == NOTHING
    assert counts(snapshot, NOTHING).total == 0


def test_a_street_lies_where_its_boundary_is_and_without_one_where_its_records_are(filled):
    now = current_snapshot(filled)
    middle = (WEST + EAST) / 2
    found = background.bounds_of_subdistricts(filled, now, STREETS[:1])
    assert found is not None
    assert found.as_list() == pytest.approx([WEST, SOUTH, middle, NORTH])
    without = dataclasses.replace(filled)
    vars(without)["_drawn"] = None  # as a workspace that names no boundaries
    records = background.bounds_of_subdistricts(without, now, STREETS[:1])
    assert records is not None
    assert records.as_list() == pytest.approx([114.1035, 22.536, 114.125, 22.571])
    assert background.bounds_of_subdistricts(without, now, [NOT_STATED]) is None


def frame(layers, **more) -> Frame:
    return Frame("zh", layers, Bounds(114.0, 22.5, 114.2, 22.7), ["assets/x/map.js"], **more)


def test_equal_frames_give_equal_code_so_that_the_map_stays(filled):
    layers = list(open_workspace(filled.root).catalog.layers.values())

    def code() -> str:
        return build_map(frame(layers)).get_root().render()

    assert re.sub(r"[0-9a-f]{32}", "", code()) == re.sub(r"[0-9a-f]{32}", "", code())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_reaches_the_template_of_folium(filled, hostile):
    layer = filled.catalog.layer("risk_points").model_copy(update={"title": Text(hostile, hostile)})
    built = build_map(frame([layer], approval_number=hostile, demo=True))
    view = MapView("t", None, "p", "s", [0] * 5, [0], overview=[{"name": hostile, "ranks": [0] * 5}])
    showing(view).add_to(built)
    code = built.get_root().render()
    assert hostile not in code
    assert "49" not in re.sub(r"[0-9a-f]{32}", "", re.sub(r'"[A-Za-z0-9+/=]{40,}"', "", code))
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", pack({"name": hostile}))


def test_the_map_links_nothing_but_our_own_files(filled):
    built = build_map(frame([filled.catalog.layer("risk_points")]))
    assert [link for _, link in built.default_js] == ["../../assets/x/map.js"]
    assert built.default_css == []
    script = bundles()["map.js"].body.decode()
    assert "sourceMappingURL" not in script
    ours = script[script.index('(() => {\n"use strict"') :]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", ours)
    assert "innerHTML" not in ours


def test_every_text_of_the_browser_has_the_same_places_in_both_languages():
    for key in keys():
        zh, en = t(key, "zh"), t(key, "en")
        assert zh
        assert en
        if key.startswith("js_"):
            assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), key


def test_every_text_that_the_browser_asks_for_exists():
    script = bundles()["map.js"].body.decode()
    asked = set(re.findall(r'(?:riskmap\.)?say\("(\w+)"', script)) | set(
        re.findall(r'\? "((?:draw|card)_\w+)"', script)
    )
    assert asked
    assert {f"js_{name}" for name in asked} <= set(keys("js_"))


@given(st.text(max_size=30))
def test_escaped_text_keeps_its_words(text):
    assert re.sub(r"\\(.)", r"\1", escape_markdown(text)) == text.replace("\n", " ")
