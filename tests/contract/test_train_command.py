"""`riskmap train susceptibility` takes tables as they come, says what it did with them, keeps its contract."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from riskmap.actions.training_table import Request, read_training_table
from riskmap.errors import DatumError, LearnedError
from riskmap.io.readers.training import outcome
from riskmap.scoring.learned.artefact import load_learned
from riskmap.scoring.learned.training_data import TrainingTable
from tests.cli import Ran, riskmap
from tests.inventories import HEADER, clustered, write

ASK = Request("slid", "x", "y", "EPSG:4547")


def rows(count: int = 60, words: tuple[str, str] = ("0", "1")) -> list[list[object]]:
    return [
        [*row[:2].tolist(), words[int(row[2])], *np.round(row[3:], 4).tolist()] for row in clustered(count)[1]
    ]


def read(path: Path, **changes: object) -> TrainingTable:
    asked = {
        name: getattr(ASK, name)
        for name in ("target", "x", "y", "crs", "predictors", "categorical", "positive")
    }
    return read_training_table(path, Request(**(asked | changes)))


def rules(table: TrainingTable) -> dict[str, tuple[str, ...]]:
    return {r.rule: r.fields for r in table.remarks}


@pytest.mark.parametrize(
    "words",
    [("FALSE", "TRUE"), ("false", "true"), ("0", "1"), ("0.0", "1.0"), ("no", "yes"), ("N", "Y"), ("无", "有"), ("否", "是"),
     ("未发生", "发生"), ("非滑坡", "滑坡"), ("absence", "presence"), ("non-landslide", "landslide"), ("stable", "unstable")],
)  # fmt: skip
def test_the_target_may_be_written_in_many_ways(words: tuple[str, str]):
    found = outcome([words[0], words[1], "", words[0]], field="slid")
    assert found.occurred.tolist() == [False, True, False, False]
    assert found.known.tolist() == [True, True, False, True]
    assert (found.positive, found.how) == (words[1].removesuffix(".0"), "words")


def test_a_guessed_positive_class_is_said_and_can_be_told(tmp_path: Path):
    path = write(tmp_path / "t.csv", HEADER, rows(words=("A", "B")))
    table = read(path)
    rarer = "B" if (clustered(60)[1][:, 2] > 0).mean() < 0.5 else "A"
    assert (table.positive, rules(table)["positive_class"]) == (rarer, ("slid",))
    assert read(path, positive="a").positive == "A"
    assert read(path, positive="B").positive == "B"
    with pytest.raises(LearnedError, match="C"):
        read(path, positive="C")


def test_a_target_without_two_classes_is_refused_with_what_it_holds(tmp_path: Path):
    table = rows()
    table[0][2] = "maybe"
    with pytest.raises(LearnedError, match="maybe"):
        read(write(tmp_path / "t.csv", HEADER, table))


@pytest.mark.parametrize(
    ("separator", "encoding"), [(",", "utf-8-sig"), (";", "gb18030"), ("\t", "utf-16"), (";", "utf-8")]
)
def test_encodings_and_separators_are_found(tmp_path: Path, separator: str, encoding: str):
    header = ["x", "y", "是否滑坡", "坡度(°)", "rough", "field_a", "field_b"]
    path = write(
        tmp_path / "样本.csv", header, rows(words=("否", "是")), separator=separator, encoding=encoding
    )
    table = read(path, target="是否滑坡")
    assert table.inventory.predictors == ("坡度(°)", "rough", "field_a", "field_b")
    assert table.units["坡度(°)"] == "°"
    assert (table.rows, len(table.inventory)) == (60, 60)


def test_decimal_commas_are_read_as_decimals_and_said(tmp_path: Path):
    comma = [[str(c).replace(".", ",") for c in row] for row in rows()]
    plain = read(write(tmp_path / "a.csv", HEADER, rows()))
    table = read(write(tmp_path / "b.csv", HEADER, comma, separator=";"))
    assert table.inventory.values.tolist() == plain.inventory.values.tolist()
    assert "decimal_comma" in rules(table)


def test_every_row_is_used_or_counted_with_its_reason(tmp_path: Path):
    table = rows()
    table[3][2], table[4][2], table[5][0], table[6][1] = "", "NA", None, "?"
    got = read(write(tmp_path / "t.csv", HEADER, [*table, [None] * 7]))
    assert (got.rows, got.without_target, got.without_place, len(got.inventory)) == (60, 2, 2, 56)
    assert {"without_target", "without_place"} <= set(rules(got))


def test_missing_and_no_data_values_are_unknown_and_never_zero(tmp_path: Path):
    table = rows()
    table[0][3], table[1][3], table[2][3], table[3][3], table[4][3] = "NA", "-9999", "陡", "1e38", ""
    got = read(write(tmp_path / "t.csv", HEADER, table))
    assert np.isnan(got.inventory.values[:, 0]).sum() == 5
    assert {"no_data", "not_numbers"} <= set(rules(got))


def test_columns_that_are_no_predictors_are_named_with_the_reason(tmp_path: Path):
    header = [*HEADER, "FID", "code", "town", "same", "lon_copy"]
    table = [[*row, i, i * 3, "镇", 5, row[0]] for i, row in enumerate(rows())]
    path = write(tmp_path / "t.csv", header, table)
    got = read(path)
    assert got.inventory.predictors == ("slope", "rough", "field_a", "field_b")
    assert got.left_out == {
        "FID": "id_column", "code": "id_column", "town": "text", "same": "constant", "lon_copy": "coordinate_copy"
    }  # fmt: skip
    assert rules(got)["text_ignored"] == ("town",)
    assert read(path, predictors=("slope", "code")).inventory.predictors == ("slope", "code")
    with pytest.raises(LearnedError, match="town"):
        read(path, predictors=("slope", "town"))


def test_yes_and_no_are_a_predictor_where_it_is_asked_for(tmp_path: Path):
    path = write(
        tmp_path / "t.csv", [*HEADER, "road"], [[*r, "是" if i % 2 else "否"] for i, r in enumerate(rows())]
    )
    got = read(path, predictors=("slope", "road")).inventory
    assert got.kinds == ("number", "switch")
    assert set(got.values[:, 1].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"target": "slided"}, LearnedError, "slid"),
        ({"x": "east"}, LearnedError, "east"),
        ({"predictors": ("slop",)}, LearnedError, "slope"),
        ({"predictors": ("slope", "slid")}, LearnedError, "predictors"),
        ({"crs": "wgs84"}, DatumError, "crs"),
        ({"crs": "EPSG:1"}, DatumError, "EPSG"),
    ],
)
def test_a_wrong_name_or_system_is_told_with_its_remedy(
    tmp_path: Path, changes: dict, error: type, words: str
):
    with pytest.raises(error, match=words):
        read(write(tmp_path / "t.csv", HEADER, rows()), **changes)


def test_degrees_are_projected_before_places_are_compared(tmp_path: Path):
    table = [[114 + i * 0.01, 22.5, *row[2:]] for i, row in enumerate(rows())]
    got = read(write(tmp_path / "t.csv", HEADER, table), crs="cgcs2000").inventory
    assert np.ptp(got.x) == pytest.approx(59 * 0.01 * 102_900, rel=0.01)  # cos 22.5° · 111.3 km a degree
    swapped = [[row[1], row[0], *row[2:]] for row in table]
    with pytest.raises(DatumError, match="x"):
        read(write(tmp_path / "s.csv", HEADER, swapped), crs="cgcs2000")


def test_a_workbook_and_a_parquet_file_are_read_too(tmp_path: Path):
    import openpyxl
    import polars as pl

    book = openpyxl.Workbook()
    book.active.append(["样本表"])
    for row in [HEADER, *rows()]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    pl.DataFrame(rows(), schema=HEADER, orient="row").write_parquet(tmp_path / "t.parquet")
    plain = read(write(tmp_path / "t.csv", HEADER, rows())).inventory.values.tolist()
    assert read(tmp_path / "t.xlsx").inventory.values.tolist() == plain
    assert read(tmp_path / "t.parquet").inventory.values.tolist() == plain


def train(path: Path, *more: object) -> Ran:
    return riskmap(
        "train", "susceptibility", "--data", path, "--target", "slid", "--x", "x", "--y", "y", "--crs", "EPSG:4547",
        "--repeats", "1", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("train") / "样本.csv", HEADER, rows(150, ("FALSE", "TRUE")))


@pytest.fixture(scope="module")
def spatial(sample: Path) -> Ran:
    to, page = sample.with_name("m.skops"), sample.with_name("report.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("riskmap.scoring.learned.algorithms._TREES", 5)
        return train(
            sample, "--folds", "spatial", "--prevalence", "0.02", "--to", to, "--report", page, "--json"
        )


def test_the_document_keeps_its_contract(spatial: Ran):
    assert spatial.status == 0, spatial.err
    document = spatial.json
    assert document["folds"] == "spatial"
    assert [m["model"] for m in document["models"]] == [
        "logistic", "splines", "random_forest", "hist_gradient_boosting"
    ]  # fmt: skip
    for model in document["models"]:
        assert model["auroc_low"] <= model["auroc_mean"] <= model["auroc_high"]
        assert 0 < model["brier_mean"] < 0.5
        assert model["optimism"] == pytest.approx(model["auroc_random_mean"] - model["auroc_mean"])
    assert all(isinstance(w, str) for w in document["warnings"])
    flatters = np.mean([m["optimism"] for m in document["models"]]) > 0
    assert ("random_optimistic" in {r["rule"] for r in document["remarks"]}) == flatters
    assert document["comparison"]["folds"] == "random"
    assert {p["name"] for p in document["predictors"]} == {i["predictor"] for i in document["importance"]}


def test_the_artefact_loads_by_the_digest_of_its_card(spatial: Ran, sample: Path):
    kept = spatial.json["artefact"]
    card = tomllib.loads(Path(kept["card"]).read_text(encoding="utf-8"))
    learned = load_learned(Path(kept["path"]), digest=card["digest"])
    assert (card["status"], card["data"]["file"], card["data"]["rows"]) == ("draft", "样本.csv", 150)
    assert card["data"]["digest"] == spatial.json["data"]["sha256"]
    assert card["prior"] == {
        "sample_share": card["prior"]["sample_share"],
        "prevalence": 0.02,
        "corrected": True,
    }
    assert [p["name"] for p in card["predictors"]] == list(learned.predictors)
    assert [(p["min"], p["max"]) for p in card["predictors"]] == list(learned.ranges)
    assert card["scores"]["folds"] == "spatial"
    assert card["data"]["area"] == pytest.approx(learned.area, abs=1e-5)
    assert len(card["limits_of_use"]) >= 4
    assert learned.prevalence == 0.02


def test_the_report_stands_alone_and_shows_names_as_text(spatial: Ran):
    page = Path(spatial.json["report"]).read_text(encoding="utf-8")
    assert page.count("<svg") >= 4
    assert not re.search(r"https?://(?!www\.w3\.org/(2000/svg|1999/xlink)\")|url\(", page)
    assert "<script" not in page


@pytest.fixture
def plain_models(monkeypatch: pytest.MonkeyPatch):
    """Only the two quick models."""
    monkeypatch.setattr("riskmap.actions.training.MODELS", ("logistic", "splines"))


@pytest.mark.usefixtures("plain_models")
def test_random_folds_warn_that_they_flatter(sample: Path):
    document = train(sample, "--folds", "random", "--predictors", "slope,rough", "--json").json
    assert document["folds"] == "random"
    assert any("optimistic" in w for w in document["warnings"])
    assert document["comparison"]["folds"] == "spatial"
    assert [p["name"] for p in document["predictors"]] == ["slope", "rough"]


@pytest.mark.usefixtures("plain_models")
def test_a_predictor_computed_from_the_target_is_leakage_in_the_document_the_table_and_the_card(
    tmp_path: Path,
):
    coded = Path(__file__).parents[1] / "cases" / "field" / "target_encoded.csv"
    ask = ("train", "susceptibility", "--data", coded, "--target", "slide", "--x", "x", "--y", "y", "--crs", "EPSG:4547",
           "--repeats", "1")  # fmt: skip
    done = riskmap(*ask, "--to", tmp_path / "m.skops", "--json")
    assert done.status == 0, done.err
    assert [r["fields"] for r in done.json["remarks"] if r["rule"] == "leakage"] == [["cf"]]
    assert tomllib.loads((tmp_path / "m.card.toml").read_text(encoding="utf-8"))["leakage"] == ["cf"]
    assert "--encode" in riskmap(*ask).out


@pytest.mark.usefixtures("plain_models")
def test_class_rates_are_learned_inside_the_folds_where_it_is_asked_for(tmp_path: Path):
    table = [[*row[:4], round(float(row[4]) * 3), *row[5:]] for row in rows(150)]
    done = train(
        write(tmp_path / "t.csv", HEADER, table), "--encode", "rough", "--to", tmp_path / "m.skops", "--json"
    )
    assert done.status == 0, done.err
    card = tomllib.loads((tmp_path / "m.card.toml").read_text(encoding="utf-8"))
    kept = next(p for p in card["predictors"] if p["name"] == "rough")
    assert kept["kind"] == "rate"
    assert set(kept["codes"]) == {row[4] for row in table}
    assert not [r for r in done.json["remarks"] if r["rule"] in {"leakage", "looks_like_code"}]


@pytest.mark.usefixtures("plain_models")
@pytest.mark.parametrize("asked", ["--encode", "--categorical"])
def test_classes_in_words_are_numbered_said_and_listed_on_the_card(tmp_path: Path, asked: str):
    rocks = ("花岗岩", "砂岩", "填土", "")
    table = [[*row[:4], rocks[i % 4], *row[5:]] for i, row in enumerate(rows(150))]
    file = write(tmp_path / "t.csv", HEADER, table)
    done = train(file, asked, "rough", "--to", tmp_path / "m.skops", "--json")
    assert done.status == 0, done.err
    words = sorted(set(rocks) - {""})
    kept = next(p for p in done.json["predictors"] if p["name"] == "rough")
    assert (kept["words"], kept["min"], kept["max"]) == (words, 1.0, 3.0)
    assert kept["missing"] == sum(not row[4] for row in table)
    card = tomllib.loads((tmp_path / "m.card.toml").read_text(encoding="utf-8"))
    assert next(p for p in card["predictors"] if p["name"] == "rough")["words"] == words
    said = [r["zh"] for r in done.json["remarks"] if r["rule"] == "classes_numbered"]
    assert len(said) == 1
    assert all(f"{word}={i}" in said[0] for i, word in enumerate(words, start=1))


@pytest.mark.parametrize("asked", ["encode", "categorical"])
def test_the_order_of_rows_changes_no_number_of_a_class(tmp_path: Path, asked: str):
    table = [[*row[:4], "乙甲丙"[i % 3], *row[5:]] for i, row in enumerate(rows(60))]
    one, other = (
        read(write(tmp_path / f"{n}.csv", HEADER, some), **{asked: ("rough",)})
        for n, some in enumerate((table, table[::-1]))
    )
    assert one.words == other.words == {"rough": tuple(sorted("甲乙丙"))}
    assert (one.inventory.values == other.inventory.values).all()


def test_free_text_is_no_class(tmp_path: Path):
    table = [[*row[:4], f"说明{i}", *row[5:]] for i, row in enumerate(rows(150))]
    with pytest.raises(LearnedError, match="150 种不同的文字"):
        read(write(tmp_path / "t.csv", HEADER, table), encode=("rough",))


@pytest.mark.usefixtures("plain_models")
def test_a_person_gets_a_table_and_the_remarks(sample: Path):
    done = train(sample, "--predictors", "slope")
    assert done.status == 0, done.err
    assert "样条逻辑回归" in done.out
    assert "随机分折" in done.out
    assert "--prevalence" in done.out


def test_what_cannot_be_trained_is_one_clear_message(tmp_path: Path, sample: Path):
    few = write(tmp_path / "few.csv", HEADER, rows(12))
    assert (done := train(few)).status == 2
    assert "太少" in done.err
    assert "Traceback" not in done.err
    assert train(sample, "--prevalence", "2").status == 2
    assert train(sample, "--model", "magic").status == 2
    assert train(sample, "--to", "m.pkl").status == 2
    assert train(tmp_path / "absent.csv").status == 2
    assert train(sample, "--folds", "spatil").status == 2
    assert (
        riskmap(
            "train", "weather", "--data", sample, "--target", "a", "--x", "x", "--y", "y", "--crs", "wgs84"
        ).status
        == 2
    )


def test_a_card_beside_the_models_is_no_model(tmp_path: Path, spatial: Ran):
    from riskmap.actions.training import artefact_path

    assert riskmap("init", tmp_path / "ws").status == 0
    to = artefact_path(Path("m.skops"), tmp_path / "ws")
    assert to == tmp_path / "ws" / "models" / "m.skops"
    assert artefact_path(tmp_path / "m.skops", tmp_path / "ws") == tmp_path / "m.skops"
    kept = spatial.json["artefact"]
    to.write_bytes(Path(kept["path"]).read_bytes())
    to.with_suffix(".card.toml").write_bytes(Path(kept["card"]).read_bytes())
    assert riskmap("summary", "--workspace", tmp_path / "ws").status == 0


@pytest.mark.usefixtures("plain_models")
def test_a_name_that_looks_like_markup_is_text_in_the_report(tmp_path: Path):
    from datetime import datetime

    from riskmap.actions.training import train_susceptibility
    from riskmap.reports.training import report_html

    header = [*HEADER[:3], "<img src=x onerror=alert(1)>", *HEADER[4:]]
    path = write(tmp_path / "t.csv", header, rows())
    training = train_susceptibility(path, ASK, repeats=1, model="logistic")
    page = report_html(training, at=datetime(2026, 1, 1, tzinfo=UTC), lang="en")
    assert "<img" not in page
    assert "&lt;img" in page
