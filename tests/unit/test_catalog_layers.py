"""A layer is a file: the six defaults, the example of the manual, and any layer at all."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog import CORE_ROLES, Layer, defaults_dir
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer_file import RESERVED, common_source, read_layer
from riskmap.errors import CatalogError
from riskmap.units import convertible

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKMAP_TEST_DATA", "/nowhere"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="RISKMAP_TEST_DATA is not set")

IDS = ("risk_points", "slopes", "underground_spaces", "waterlogging", "forest_fire_grids", "shelters")


def default(layer_id: str) -> Layer:
    name = f"layers/{layer_id}.toml"
    return read_layer((defaults_dir() / name).read_text("utf-8"), name)


def headers(layer: Layer) -> dict[str, str]:
    """Every header a layer knows → its target."""
    pairs = [(w, role) for role, words in layer.aliases.items() for w in words]
    pairs += [(w, f.id) for f in layer.fields for w in f.aliases]
    pairs += [
        (w, f"checklist:{i.id}")
        for i in (layer.checklist.items if layer.checklist else ())
        for w in i.aliases
    ]
    for role in layer.contacts:
        for column in ("name", "phone", "post", "verified"):
            pairs += [(w, f"contact:{role.id}:{column}") for w in getattr(role, f"{column}_aliases")]
    return {normalise_header(word): target for word, target in pairs}


def bare(header: str) -> str:
    """A header without its unit, as intake compares it."""
    return normalise_header(
        re.sub(r"[((（](?:m|m2|°|人|户|个|万元)[)）]$|/m$", "", header.replace("㎡", "m2"))
    )


@pytest.mark.parametrize("layer_id", IDS)
def test_a_default_layer_loads_and_knows_no_header_twice(layer_id: str):
    layer = default(layer_id)
    assert layer.id == layer_id
    assert layer.geometry == ("polygon" if layer_id == "forest_fire_grids" else "point")
    count = sum(len(words) for words in layer.aliases.values()) + sum(len(f.aliases) for f in layer.fields)
    count += sum(len(i.aliases) for i in (layer.checklist.items if layer.checklist else ()))
    count += sum(
        len(r.name_aliases + r.phone_aliases + r.post_aliases + r.verified_aliases) for r in layer.contacts
    )
    assert len(headers(layer)) == count
    assert set(layer.aliases) == set(CORE_ROLES)
    assert all(layer.aliases.values())
    for field in layer.fields:
        assert field.title.zh
        assert field.title.en.isascii() or "Σ" in field.title.en
        assert convertible(field.unit, field.unit or "")


@pytest.mark.parametrize("layer_id", IDS)
def test_titles_are_unique_because_exports_use_them_as_headers(layer_id: str):
    layer = default(layer_id)
    titles = [f.title.zh for f in layer.fields] + [layer.aliases[role][0] for role in CORE_ROLES]
    titles += [i.title.zh for i in (layer.checklist.items if layer.checklist else ())]
    titles += [w for r in layer.contacts for w in (r.name_aliases[0], r.phone_aliases[0])]
    assert len({normalise_header(t) for t in titles}) == len(titles)


def test_the_fields_that_the_models_and_the_demo_build_on_are_there():
    expected = {
        "risk_points": "kind likelihood exposure consequence hazard_ratio hazard_r people_500m exposed_workers "
        "past_accident law_breach wind_kind",
        "slopes": "height_m slope_deg length_m slope_kind material stability deformation rain_damaged historic "
        "monitored engineered in_works threatened_people threatened_households threatened_property found_on "
        "hazard_type trend scale monitoring_method closed closed_on",
        "underground_spaces": "use_kind entrance_elevation_m barrier_height_m local_water_level_m opening_margin_m "
        "parking_spaces floor_area_m2 levels pump_capacity inflow backup_power",
        "waterlogging": "max_depth_m catchment_ha curve_number exposed_people traffic site_plan crew equipment "
        "pump_capacity drained_on found_on treated",
        "forest_fire_grids": "area_ha fuel ignition access patrollers forest_area",
        "shelters": "shelter_class capacity area_m2 indoor_area_m2 setting status in_hazard backup_power water_supply "
        "accessible hazards_served stay_duration supplies facilities used_last_year people_last_year",
    }
    common = "community address declared_tier managing_department surveyed_on remarks"
    for layer_id, names in expected.items():
        layer = default(layer_id)
        assert set(names.split()) | set(common.split()) <= set(layer.field_ids), layer_id


def test_checklists_and_contact_roles_that_are_not_public_are_marked_as_defaults():
    checklist = default("underground_spaces").checklist
    assert checklist is not None
    assert [i.id for i in checklist.items] == [f"item_{n}" for n in range(1, 11)]
    assert all("默认项，可改" in i.title.zh for i in checklist.items)
    roles = [r for r in default("waterlogging").contacts if r.id.startswith("contact_")]
    assert [r.id for r in roles] == [f"contact_{n}" for n in range(1, 5)]
    assert all("默认，可改" in r.title.zh for r in roles)
    assert [r.name_aliases[0] for r in roles] == ["联系人1", "联系人2", "联系人3", "联系人4"]
    assert roles[0].phone_aliases[0] == "联系人1电话"


def test_tier_words_and_colours_mean_the_declared_tier():
    field = default("slopes").field("declared_tier")
    words = {normalise_header(w): c.id for c in field.choices for w in (c.id, c.title.zh, *c.aliases)}
    for word, tier in {
        "重大": "major",
        "橙": "large",
        "Ⅲ级": "general",
        "四级": "low",
        "低风险": "low",
    }.items():
        assert words[normalise_header(word)] == tier


# Headers of the census that belong to no field of a layer, and why.
LEFT = {
    "市州": "a workspace is one district",
    "区县": "a workspace is one district",
    "组": "below the village; the address says it",
    "sz": "a workspace is one district",
    "qx": "a workspace is one district",
    "z": "below the village; the address says it",
}
# Tables and rows that are not about records of a layer.
LEFT_ROWS = ("社区减灾资源", "乡镇(街道)", "县级审核人", "风险点类型")


def rows() -> list[tuple[str, str, str]]:
    """(table, Chinese headers, codes); the table's name holds an unquoted comma in two rows."""
    with (DATA / "census_fields_zh.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))[1:]
    return [("".join(row[:-2]), row[-2], row[-1]) for row in cells]


def census() -> list[tuple[str, str]]:
    """(layer, header) of every census header that a layer should know."""
    found: list[tuple[str, str]] = []
    for table, names, codes in rows():
        if table.startswith(LEFT_ROWS) or names.startswith(LEFT_ROWS):
            continue
        stem, stemmed, _ = names.partition("责任人姓名/")
        if stemmed:
            expanded = [f"{stem}责任人{w}" for w in ("姓名", "职位", "电话")]
        elif names.startswith("是否开展"):
            expanded = ["是否开展" + w for w in names.removeprefix("是否开展").split("/")]
        else:
            expanded = [names] if names == "室内/室外类型" else names.split("/")
        layer = "slopes" if table.startswith("地质") else "shelters"
        found += [(layer, header) for header in (*expanded, *codes.split("/")) if header]
    return found


@needs_data
def test_every_census_header_is_an_alias_of_its_layer_or_deliberately_left():
    known = {layer_id: headers(default(layer_id)) for layer_id in IDS}
    unknown = [(layer, h) for layer, h in census() if bare(h) not in known[layer] and h not in LEFT]
    assert unknown == []
    assert {h for _, h in census()} >= set(LEFT)


@needs_data
def test_every_risk_kind_of_the_street_system_is_a_choice():
    words = {w for c in default("risk_points").field("kind").choices for w in c.aliases}
    (kinds,) = (names for table, names, _ in rows() if table.startswith("风险点类型"))
    assert set(kinds.split("/")) <= words


@needs_data
@pytest.mark.parametrize(
    ("layer_id", "wanted"),
    [
        (
            "risk_points",
            {
                "风险点编号": "code", "风险点名称": "name", "风险类型": "kind", "地址": "address", "位置": "address",
                "经度（百度）": "longitude", "纬度（百度）": "latitude", "可能性L": "likelihood", "暴露频繁程度E": "exposure",
                "后果C": "consequence", "管控责任人": "contact:responsible:name", "联系电话": "contact:responsible:phone",
            },
        ),
        (
            "slopes",
            {
                "边坡编号": "code", "边坡名称": "name", "所属街道": "subdistrict", "X坐标(北)": "northing", "Y坐标(东)": "easting",
                "坡高(m)": "height_m", "坡度（°）": "slope_deg", "坡长/m": "length_m", "是否自动化监测": "monitored",
                "是否工程治理": "engineered", "威胁人数(人)": "threatened_people", "威胁财产(万元)": "threatened_property",
                "发现时间": "found_on",
            },
        ),
        (
            "underground_spaces",
            {
                "编号": "code", "地下空间名称": "name", "经度": "longitude", "纬度": "latitude",
                "出入口高程(m)": "entrance_elevation_m", "停车位（个）": "parking_spaces",
                **{f"十个有-{n}": f"checklist:item_{i}" for i, n in enumerate("一二三四五六七八九十", 1)},
            },
        ),
        (
            "waterlogging",
            {
                "内涝点编号": "code", "内涝点名称": "name", "坐标": "position", "历史最大积水深度": "max_depth_m", "一点一策": "site_plan",
                **{f"联系人{n}": f"contact:contact_{n}:name" for n in range(1, 5)},
                **{f"电话{n}": f"contact:contact_{n}:phone" for n in range(1, 5)},
            },
        ),
        ("shelters", {"编号": "code", "名称": "name", "面积": "area_m2", "容纳人数": "capacity", "室内外": "setting"}),
    ],
)  # fmt: skip
def test_the_headers_of_a_real_spreadsheet_have_their_targets(layer_id: str, wanted: dict[str, str]):
    known = headers(default(layer_id))
    assert {h: known.get(bare(h), known.get(normalise_header(h))) for h in wanted} == wanted


def test_the_example_of_the_manual_loads():
    text = (ROOT / "docs" / "layers.md").read_text("utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    layer = read_layer(example, "layers/service_stations.toml")
    assert layer.id == "service_stations"
    assert layer.style.symbol == "diamond"
    assert layer.field_ids[:3] == ("stage", "floor_area_m2", "staffed")
    assert layer.checklist is not None
    assert [i.id for i in layer.checklist.items] == ["radio", "boat", "generator"]
    assert layer.contacts[0].phone_aliases[0] == "站长电话"
    assert headers(layer)["服务站编号"] == "code"


HEAD = 'id = "a"\ntitle = { zh = "甲", en = "A" }\ngeometry = "point"\nmodel = "m"\n'


def test_a_layer_replaces_a_common_field_and_extends_another():
    layer = read_layer(
        HEAD
        + '[aliases]\naddress = ["门牌"]\n[[fields]]\nid = "remarks"\ntitle = { zh = "附注", en = "Notes" }\ntype = "text"\n',
        "x",
    )
    assert layer.field("remarks").aliases == ("附注", "Notes", "remarks")
    assert layer.field_ids.count("remarks") == 1
    assert "门牌" in layer.field("address").aliases
    assert layer.field("address").aliases[0] == "地址"


def test_a_header_that_a_layer_claims_is_taken_from_the_common_ones():
    layer = read_layer(
        HEAD
        + '[[fields]]\nid = "rank"\ntitle = { zh = "等级", en = "Rank" }\ntype = "text"\naliases = ["编码"]\n',
        "x",
    )
    known = headers(layer)
    assert known["等级"] == "rank"
    assert known["编码"] == "rank"
    assert "等级" not in layer.field("declared_tier").aliases
    assert layer.aliases["code"][0] == "编号"


@pytest.mark.parametrize("title", ["备注", "编号", "经度"])
def test_the_title_of_a_common_column_cannot_be_given_away(title: str):
    text = HEAD + f'[[fields]]\nid = "x"\ntitle = {{ zh = "{title}", en = "X x" }}\ntype = "text"\n'
    with pytest.raises(CatalogError):
        read_layer(text, "x")


SLUGS = st.from_regex(r"[a-z][a-z0-9_]{3,9}", fullmatch=True).filter(lambda s: s not in RESERVED)
COMMON = {normalise_header(w) for ws in common_source().data["aliases"].values() for w in ws}
COMMON |= {
    normalise_header(w)
    for f in common_source().data["fields"]
    for w in (f["id"], *f["title"].values(), *f["aliases"])
}
TEXTS = st.text(st.sampled_from("坡墙河坑管路树abcXYZ（）'\"\\#[]{},=·0189"), min_size=1, max_size=8)
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


@st.composite
def layers(draw: st.DrawFn) -> dict:
    """A random layer in which no word stands for two things."""
    used: set[str] = set(COMMON)

    def fresh(words: st.SearchStrategy[str]) -> str:
        word = draw(words.filter(lambda w: normalise_header(w) not in used))
        used.add(normalise_header(word))
        return word

    def title() -> dict:
        return {"zh": fresh(TEXTS), "en": fresh(TEXTS)}

    def item() -> dict:
        return {
            "id": fresh(SLUGS),
            "title": title(),
            "aliases": [fresh(TEXTS) for _ in range(draw(st.integers(0, 2)))],
        }

    fields = []
    for kind in draw(
        st.lists(st.sampled_from(["text", "integer", "number", "boolean", "choice", "date"]), max_size=5)
    ):
        field = item() | {"type": kind}
        if kind in {"integer", "number"}:
            low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
            field |= {"min": low, "max": high, "unit": draw(st.sampled_from(["m", "人", ""]))}
            field["standard_values"] = [low, high]
        if kind == "choice":
            field |= {
                "choices": [item() for _ in range(draw(st.integers(1, 3)))],
                "open": draw(st.booleans()),
            }
        fields.append(field)
    return {
        "id": draw(SLUGS),
        "title": title(),
        "geometry": draw(st.sampled_from(["point", "line", "polygon"])),
        "model": draw(SLUGS),
        "stale_after_days": draw(st.integers(1, 4000)),
        "style": {"symbol": draw(st.sampled_from(["circle", "hexagon"])), "order": draw(st.integers(-5, 99))},
        "aliases": {"code": [fresh(TEXTS)]},
        "fields": fields,
        "checklist": {"title": title(), "items": [item() for _ in range(draw(st.integers(1, 3)))]},
        "contacts": [{"id": fresh(SLUGS), "title": title(), "phone": [fresh(TEXTS)]}],
    }


def inline(value: object) -> str:
    """A value as TOML writes it; JSON's strings, numbers and truth are TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def as_toml(layer: dict) -> str:
    return "".join(f"{key} = {inline(value)}\n" for key, value in layer.items())


@given(layers())
@settings(max_examples=60)
def test_any_layer_written_as_toml_loads_to_the_same_values(wanted: dict):
    layer = read_layer(as_toml(wanted), "x.toml")

    assert (layer.id, layer.geometry, layer.model) == (wanted["id"], wanted["geometry"], wanted["model"])
    assert {"zh": layer.title.zh, "en": layer.title.en} == wanted["title"]
    assert layer.stale_after_days == wanted["stale_after_days"]
    assert {"symbol": layer.style.symbol, "order": layer.style.order} == wanted["style"]
    assert wanted["aliases"]["code"][0] in layer.aliases["code"]
    own = [f for f in layer.fields if f.id in {w["id"] for w in wanted["fields"]}]
    for field, want in zip(own, wanted["fields"], strict=True):
        assert (field.id, field.type, field.title.zh, field.title.en) == (
            want["id"],
            want["type"],
            want["title"]["zh"],
            want["title"]["en"],
        )
        assert {normalise_header(w) for w in want["aliases"]} <= {normalise_header(w) for w in field.aliases}
        assert (field.minimum, field.maximum, field.unit) == (
            want.get("min"),
            want.get("max"),
            want.get("unit", ""),
        )
        assert list(field.standard_values) == want.get("standard_values", [])
        assert [(c.id, c.title.zh) for c in field.choices] == [
            (c["id"], c["title"]["zh"]) for c in want.get("choices", [])
        ]
        assert field.open is want.get("open", False)
    assert layer.checklist is not None
    assert [i.id for i in layer.checklist.items] == [i["id"] for i in wanted["checklist"]["items"]]
    assert wanted["contacts"][0]["phone"][0] in layer.contacts[0].phone_aliases
    hash(layer.fields)
