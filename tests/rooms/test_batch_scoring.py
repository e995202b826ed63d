"""Point tables of any size: the same scores in one piece, in many, and on a cluster that loses a worker."""

from __future__ import annotations

import signal
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely

from riskmap.actions.importing import import_files
from riskmap.actions.inventory import point_tasks
from riskmap.actions.inventory.point_tables import score_points
from riskmap.actions.records import scoring
from riskmap.actions.records.scoring import assess_layers, kept_fit
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.errors import DatumError, ExportError, NotFittedError, RiskmapError, Text, UnreadableFileError
from riskmap.progress import Progress
from riskmap.rules.permissions import local_actor
from riskmap.scoring import assess_table
from riskmap.vocabulary import RANKS
from tests.cli import riskmap
from tests.dask_cluster import dask_cluster  # noqa: F401 - the fixture `cluster`
from tests.index_models import Slope, head, leaf, learned, node
from tests.waiting import PATIENCE_S

ROWS = 3000
WHO = {"by": "测试", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = create_workspace(tmp_path_factory.mktemp("ws") / "w")
    file = made.root / "避难场所.csv"
    file.write_text("编号,名称,经度,纬度\nS1,甲,114.10,22.55\nS2,乙,114.15,22.60\n", encoding="utf-8")
    import_files(made, "shelters", [file], datum="cgcs2000", by=local_actor("测试"), why="测试")
    return made


def table(rows: int = ROWS) -> pa.Table:
    draw = np.random.default_rng(7)
    likelihood = draw.choice([0.1, 1, 3, 6, 10], rows)
    likelihood[::50] = np.nan
    lon = draw.uniform(114.0, 114.2, rows)
    lon[::70] = np.nan
    return pa.table(
        {
            "code": [f"P{i}" for i in range(rows)],
            "lon": pa.array(lon, from_pandas=True),
            "lat": draw.uniform(22.5, 22.65, rows),
            "likelihood": pa.array(likelihood, from_pandas=True),
            "exposure": draw.choice([0.5, 3.0, 10.0], rows),
            "consequence": draw.choice([1.0, 15.0, 100.0], rows),
            "exposed_workers": pa.array(draw.integers(0, 12, rows)),
        }
    )


@pytest.fixture
def points(tmp_path: Path) -> Path:
    file = tmp_path / "points.parquet"
    pq.write_table(table(), file, row_group_size=500)
    return file


def results(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(p) for p in sorted(folder.glob("part-*.parquet"))])


def expected(ws: Workspace, rows: pa.Table):
    fields = {f"f:{n}": rows[n] for n in ("likelihood", "exposure", "consequence", "exposed_workers")}
    model, layer = ws.catalog.model_of("risk_points"), ws.catalog.layer("risk_points")
    return assess_table(model, layer, pa.table(fields))


def test_a_table_in_many_pieces_scores_as_in_one(ws: Workspace, points: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(point_tasks, "PIECE_ROWS", 130)
    monkeypatch.setattr(point_tasks, "TASK_ROWS", 900)
    done = score_points(ws, "risk_points", points=points, to=tmp_path / "out")
    found, whole = results(tmp_path / "out"), expected(ws, table())
    assert (done["points"], done["parts"]) == (ROWS, 3)
    assert found["code"].to_pylist() == table()["code"].to_pylist()
    np.testing.assert_allclose(found["score"].to_numpy(), whole.score, rtol=0, atol=0)
    assert found["tier"].to_pylist() == [RANKS[r] for r in whole.rank]
    assert [tuple(m) for m in found["missing"].to_pylist()] == list(whole.missing)
    assert [tuple(m) for m in found["rules"].to_pylist()] == list(whole.rules)
    assert sum(done["tiers"].values()) + done["unrated"] == ROWS
    assert done["unrated"] == int(np.isnan(whole.score).sum() - (whole.rank[np.isnan(whole.score)] > 1).sum())


def test_places_are_joined_as_a_plain_loop_would(ws: Workspace, points: Path, tmp_path: Path):
    street = tmp_path / "streets.geojson"
    west, east = shapely.box(113.9, 22.4, 114.1, 22.6), shapely.box(114.1, 22.4, 114.3, 22.6)
    features = ",".join(
        f'{{"type":"Feature","properties":{{"name":"{n}"}},"geometry":{shapely.to_geojson(g)}}}'
        for n, g in (("西街道", west), ("东街道", east))
    )
    street.write_text(f'{{"type":"FeatureCollection","features":[{features}]}}', encoding="utf-8")
    dem = tmp_path / "dem.tif"
    rise = np.arange(100, dtype=np.float32)[None, :].repeat(100, axis=0)
    transform = rasterio.Affine(0.001, 0, 114.0, 0, -0.001, 22.6)
    kind = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "float32", "nodata": -9999}
    with rasterio.open(dem, "w", crs="EPSG:4490", transform=transform, **kind) as out:
        out.write(rise, 1)
    done = score_points(
        ws,
        "risk_points",
        points=points,
        to=tmp_path / "out",
        crs="cgcs2000",
        nearest={"shelter_m": "shelters"},
        within={"street": street},
        raster={"elevation": dem},
    )
    rows, found = table(), results(tmp_path / "out")
    lon, lat = rows["lon"].to_numpy(zero_copy_only=False), rows["lat"].to_numpy()
    assert done["unlocated"] == int(np.isnan(lon).sum()) > 0
    shelter, name, height = (found[c].to_pylist() for c in ("shelter_m", "street", "elevation"))
    for i in range(0, ROWS, 7):
        if np.isnan(lon[i]):
            assert (shelter[i], name[i], height[i]) == (None, None, None)
            continue
        point = shapely.Point(lon[i], lat[i])
        assert name[i] == next((n for n, g in (("西街道", west), ("东街道", east)) if g.covers(point)), None)
        metres = min(
            np.hypot((lon[i] - x) * 111_320 * np.cos(np.radians(lat[i])), (lat[i] - y) * 110_760)
            for x, y in ((114.10, 22.55), (114.15, 22.60))
        )
        assert shelter[i] == pytest.approx(metres, rel=0.004)
        covered = 114.0 <= lon[i] <= 114.1 and 22.5 <= lat[i] <= 22.6
        assert (height[i] is not None) == covered  # not covered is missing, never zero
        if covered:
            assert height[i] == pytest.approx(np.clip((lon[i] - 114.0) * 1000 - 0.5, 0, 99), abs=0.02)


def test_a_joined_column_takes_the_place_of_a_field(ws: Workspace, points: Path, tmp_path: Path):
    done = score_points(
        ws,
        "risk_points",
        points=points,
        to=tmp_path / "out",
        crs="cgcs2000",
        nearest={"exposure": "shelters"},
    )
    found, rows = results(tmp_path / "out"), table()
    both = rows["likelihood"].to_numpy(zero_copy_only=False) * rows["consequence"].to_numpy()
    expect = np.round(found["exposure"].to_numpy(zero_copy_only=False) * both, 9)
    np.testing.assert_allclose(found["score"].to_numpy(zero_copy_only=False), expect, rtol=1e-9)
    assert done["missing"]["exposure"] == done["unlocated"]


def test_a_value_beyond_its_limits_is_missing_and_counted(ws: Workspace, tmp_path: Path):
    rows = table(10).set_column(4, "exposure", pa.array([3.0] * 9 + [4000.0]))
    rows = rows.set_column(3, "likelihood", pa.array([1.0] * 9 + [-1.0]))
    pq.write_table(rows, tmp_path / "p.parquet")
    done = score_points(ws, "risk_points", points=tmp_path / "p.parquet", to=tmp_path / "out")
    assert done["out_of_limits"] == 2
    assert done["missing"] == {"likelihood": 1, "exposure": 1}


def test_points_in_a_geometry_column_carry_their_own_datum(ws: Workspace, tmp_path: Path):
    rows = table(50)
    shapes = [
        None if x is None else shapely.to_wkb(shapely.Point(x, y))
        for x, y in zip(rows["lon"].to_pylist(), rows["lat"].to_pylist(), strict=True)
    ]
    geo = b'{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":["Point"]}}}'
    made = rows.drop_columns(["lon", "lat"]).append_column("geometry", pa.array(shapes, pa.binary()))
    pq.write_table(made.replace_schema_metadata({b"geo": geo}), tmp_path / "g.parquet")
    pq.write_table(rows, tmp_path / "p.parquet")
    joined = {"nearest": {"shelter_m": "shelters"}}
    score_points(ws, "risk_points", points=tmp_path / "g.parquet", to=tmp_path / "g", **joined)
    score_points(ws, "risk_points", points=tmp_path / "p.parquet", to=tmp_path / "p", crs="wgs84", **joined)
    assert results(tmp_path / "g").equals(results(tmp_path / "p"))


def test_what_cannot_be_scored_is_said_before_anything_is_written(
    ws: Workspace, points: Path, tmp_path: Path
):
    out, junk, other = tmp_path / "out", tmp_path / "x.parquet", tmp_path / "o.parquet"
    junk.write_bytes(b"PK\x03\x04 not parquet")
    pq.write_table(pa.table({"a": [1]}), other)
    cases = [
        (UnreadableFileError, "不是 Parquet", {"points": junk}),
        (UnreadableFileError, "打不开", {"points": tmp_path / "absent.parquet"}),
        (RiskmapError, "没有模型用到的列", {"points": other}),
        (DatumError, "crs", {"points": points, "nearest": {"d": "shelters"}}),
        (RiskmapError, "没有带坐标的记录", {"points": points, "crs": "wgs84", "nearest": {"d": "slopes"}}),
        (
            RiskmapError,
            "没有这个文件",
            {"points": points, "crs": "wgs84", "raster": {"z": tmp_path / "z.tif"}},
        ),
        (RiskmapError, "scheduler", {"points": points, "engine": "dask"}),
        (RiskmapError, "连不上", {"points": points, "engine": "dask", "scheduler": "tcp://127.0.0.1:9"}),
    ]
    for kind, words, options in cases:
        with pytest.raises(kind, match=words):
            score_points(ws, "risk_points", to=out, **options)
        assert not out.exists() or not any(out.iterdir())
    (out / "mine.txt").write_text("x")
    with pytest.raises(ExportError, match="已有文件"):
        score_points(ws, "risk_points", points=points, to=out)


def test_a_worker_killed_in_the_middle_costs_nothing_but_time(
    ws: Workspace, tmp_path: Path, monkeypatch, cluster
):
    from distributed import Client

    address, workers = cluster
    monkeypatch.setattr(point_tasks, "TASK_ROWS", 1)
    file, out = tmp_path / "points.parquet", tmp_path / "dask"
    pq.write_table(table(60_000), file, row_group_size=1_000)
    with Client(address, timeout=PATIENCE_S, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
    killed: list[float] = []

    def kill_one(share: float, _what: Text) -> None:
        if not killed and share > 0.1:
            workers[0].send_signal(signal.SIGKILL)
            killed.append(share)

    options = {"points": file, "crs": "cgcs2000", "nearest": {"shelter_m": "shelters"}}
    done = score_points(
        ws, "risk_points", to=out, engine="dask", scheduler=address, progress=Progress(kill_one), **options
    )
    here = score_points(ws, "risk_points", to=tmp_path / "here", **options)
    assert killed
    assert killed[0] < 1
    assert workers[0].wait(PATIENCE_S) == -signal.SIGKILL
    same = ("points", "tiers", "unrated", "missing", "unlocated", "parts")
    assert {k: done[k] for k in same} == {k: here[k] for k in same}
    found, whole = results(out), results(tmp_path / "here")
    np.testing.assert_allclose(
        found["score"].to_numpy(zero_copy_only=False),
        whole["score"].to_numpy(zero_copy_only=False),
        rtol=0,
        atol=1e-9,
    )
    assert found.equals(whole)


# ------------------------------------------------------------------ models that compare or have learned

RANK = 'normalise = { method = "percentile_rank" }'
RANKED = head("s") + "".join(leaf(f, RANK) for f in ("likelihood", "consequence"))
RANKED += node("s", "mean", ["likelihood", "consequence"])
# A learned node beside a place among the layer's other points.
GUESSED = learned().replace('"slope_deg"', '"exposure"').replace('"wetness"', '"likelihood"')
GUESSED = GUESSED.replace('score = "p"', 'score = "s"') + leaf("consequence", RANK)
GUESSED += node("s", "mean", ["p", "consequence"])


def ledger(folder: Path, text: str, points: int = 30) -> Workspace:
    """A workspace with some risk points and this model in the place of theirs."""
    made = create_workspace(folder)
    model = text.replace('id = "index"', 'id = "risk_points_lec"')
    (made.root / "models" / "risk_points_lec.toml").write_text(model, encoding="utf-8")
    draw = np.random.default_rng(3)
    rows = ["编号,名称,可能性,暴露频率,后果"]
    for i in range(points):
        likelihood = "" if i % 9 == 4 else draw.choice([0.1, 1, 3, 6, 10])
        rows.append(f"P{i},点{i},{likelihood},{draw.choice([0.5, 3, 10])},{draw.choice([1, 15, 100])}")
    file = made.root / "风险点.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    made = open_workspace(made.root)
    import_files(made, "risk_points", [file], datum="cgcs2000", **ACTS)
    return made


def test_a_point_table_is_compared_with_the_ledger_and_only_after_a_whole_run(points: Path, tmp_path: Path):
    ws = ledger(tmp_path / "ranked", RANKED)
    layer = ws.catalog.layer("risk_points")
    fresh = use_model(ws, RANKED.replace('version = "1"', 'version = "2"'))
    with pytest.raises(NotFittedError, match="riskmap assess"):
        score_points(fresh, "risk_points", points=points, to=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assess_layers(fresh, ["risk_points"], **ACTS)
    score_points(fresh, "risk_points", points=points, to=tmp_path / "out")
    fields = {f"f:{n}": table()[n] for n in ("likelihood", "consequence")}
    model = fresh.catalog.model_of("risk_points")
    whole = assess_table(model, layer, pa.table(fields), fit=kept_fit(fresh, "risk_points"))
    assert results(tmp_path / "out")["tier"].to_pylist() == [RANKS[r] for r in whole.rank]
    assert len(set(whole.rank.tolist())) > 2


def use_model(ws: Workspace, text: str) -> Workspace:
    file = ws.root / "models" / "risk_points_lec.toml"
    file.write_text(text.replace('id = "index"', 'id = "risk_points_lec"'), encoding="utf-8")
    return open_workspace(ws.root)


def stored(ws: Workspace) -> tuple[Any, ...]:
    found = ws.ledger.features("risk_points")
    return found.score.tolist(), found.rank.tolist(), found.missing, found.rules


@pytest.fixture
def artefact(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained file that anybody can load."""
    module = types.ModuleType("riskmap.scoring.learned")
    module.load_learned = lambda _path, *, digest: Slope()
    monkeypatch.setitem(sys.modules, "riskmap.scoring.learned", module)


def test_layers_on_a_cluster_have_the_scores_of_this_process(
    tmp_path: Path, monkeypatch, cluster, artefact: None
):
    from distributed import Client

    monkeypatch.setattr(scoring, "SLICE_ROWS", 8)
    address, _ = cluster
    with Client(address, timeout=PATIENCE_S, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
    here, there = (ledger(tmp_path / name, GUESSED) for name in ("here", "there"))
    for ws in (here, there):
        (ws.root / "models" / "slide.skops").write_bytes(b"x")
    expect = assess_layers(here, ["risk_points", "shelters"], **ACTS)
    words = ("assess", "risk_points", "shelters", "--engine", "dask", "--scheduler", address)
    ran = riskmap(*words, "--workspace", there.root, "--json")
    assert ran.status == 0
    assert ran.json["layers"] == expect["layers"]
    assert sum(ran.json["layers"][0]["tiers"].values()) > 20
    assert (ran.json["run"], here.ledger.state) == (expect["run"], there.ledger.state)
    np.testing.assert_equal(stored(there), stored(here))
    assert kept_fit(there, "risk_points") == kept_fit(here, "risk_points")
    stuck = Slope()
    stuck.calls = threading.Lock()  # what no other process can have
    sys.modules["riskmap.scoring.learned"].load_learned = lambda _path, *, digest: stuck
    monkeypatch.setattr(Slope, "predict", lambda _, given: given["angle"] * 0)
    state = there.ledger.state
    ran = riskmap(*words, "--workspace", there.root)
    assert (ran.status, ran.out, there.ledger.state) == (2, "", state)
    assert "--engine numpy" in ran.err


def test_a_cluster_is_named_with_its_engine_and_must_answer(tmp_path: Path):
    ws = ledger(tmp_path / "w", RANKED, points=2)
    for words, said in (
        (("--engine", "dask"), "--scheduler"),
        (("--scheduler", "tcp://127.0.0.1:9"), "--engine dask"),
        (("--engine", "dask", "--scheduler", "tcp//127.0.0.1"), "连不上"),
    ):
        ran = riskmap("assess", *words, "--workspace", ws.root)
        assert (ran.status, ran.out, len(ran.err.strip().splitlines())) == (2, "", 1)
        assert said in ran.err
