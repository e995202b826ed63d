"""Folds in space, scores that can be trusted, and the remarks that belong beside them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import LearnedError
from riskmap.scoring.learned.algorithms import MODELS
from riskmap.scoring.learned.diagnostics import of_inventory
from riskmap.scoring.learned.leakage import computed_from_outcome, leaks
from riskmap.scoring.learned.training_data import Folds, TrainingData, make_folds
from riskmap.scoring.learned.validation import (
    auroc,
    calibration,
    fitted,
    partial_dependence,
    permutation_importance,
    validate,
)
from tests.inventories import HEADER, clustered, inventory

FIELD = Path(__file__).parents[1] / "cases" / "field"


@cache
def made(rows: int = 300) -> TrainingData:
    return inventory(clustered(rows)[1])


@cache
def cut(kind: str = "spatial", repeats: int = 2) -> Folds:
    return make_folds(made(), kind, repeats=repeats, seed=3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int]]):
    present = [s for y, s in rows if y]
    absent = [s for y, s in rows if not y]
    got = auroc([y for y, _ in rows], [s for _, s in rows])
    if not present or not absent:
        assert np.isnan(got)
        return
    pairs = [(p > a) + 0.5 * (p == a) for p in present for a in absent]
    assert got == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_has_its_worked_value():
    assert auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75


@pytest.mark.parametrize("kind", ["spatial", "random"])
def test_every_fold_has_both_outcomes_and_a_place_is_in_one_fold(kind: str):
    table = clustered(200)[1]
    table = np.vstack([table, table[:60]])  # sixty places twice
    twice = inventory(table)
    for labels in make_folds(twice, kind, repeats=3, seed=1).labels:
        assert len(np.unique(labels)) == 5
        for fold in range(5):
            assert 0 < twice.occurred[labels == fold].mean() < 1
        for place in np.unique(twice.place):
            assert len(np.unique(labels[twice.place == place])) == 1


def test_spatial_folds_are_blocks_and_random_folds_are_not():
    def spread(folds: Folds) -> float:
        i = made()
        return float(np.mean([i.x[folds.labels[0] == f].std() for f in range(5)]))

    assert spread(cut("spatial")) < 0.7 * spread(cut("random"))


def test_repeats_cut_the_land_differently():
    labels = make_folds(made(), "spatial", repeats=4, seed=3).labels
    assert len({tuple(r) for r in labels.tolist()}) > 1


def test_blocks_of_one_outcome_are_merged_and_said():
    table = clustered(200)[1]
    table[:, 2] = (table[:, 0] > np.quantile(table[:, 0], 0.85)) & (np.arange(200) % 2 == 0)
    folds = make_folds(inventory(table), "spatial", repeats=1, seed=0)
    assert folds.merged > 0
    assert folds.redrawn > 0


def test_outcomes_that_lie_apart_and_tables_that_are_too_small_are_refused():
    table = clustered(200)[1]
    table[:, 2] = table[:, 0] > np.median(table[:, 0])
    table[table[:, 2] > 0, 0] += 1e6
    with pytest.raises(LearnedError, match="lie apart"):
        make_folds(inventory(table), "spatial", repeats=1, seed=0)
    few = clustered(200)[1]
    few[:, 2] = np.arange(200) < 4
    with pytest.raises(LearnedError, match="too few"):
        make_folds(inventory(few), "spatial", repeats=1, seed=0)


def test_random_folds_flatter_a_model_that_learns_places(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("riskmap.scoring.learned.algorithms._TREES", 15)
    spatial, random = (
        validate("random_forest", made(), cut(kind), seed=0).auroc_by_repeat.mean()
        for kind in ("spatial", "random")
    )
    assert random > spatial + 0.03
    assert spatial > 0.6


@settings(max_examples=3)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(random):
    table = clustered(120)[1]
    order = list(range(120))
    random.shuffle(order)
    one, other = inventory(table), inventory(table[order])
    assert (one.values == other.values).all()
    a, b = (
        validate("logistic", i, make_folds(i, "spatial", repeats=1, seed=5), seed=5) for i in (one, other)
    )
    assert a.held_out.tolist() == b.held_out.tolist()


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_gives_the_same_scores_again(model: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("riskmap.scoring.learned.algorithms._TREES", 10)
    small = inventory(clustered(100)[1])
    folds = make_folds(small, "spatial", repeats=1, seed=5)
    first, second = (validate(model, small, folds, seed=5) for _ in range(2))
    assert first.held_out.tolist() == second.held_out.tolist()
    assert np.isfinite(first.held_out).all()


@pytest.mark.parametrize("model", ["logistic", "splines"])
def test_missing_values_codes_and_a_column_empty_in_a_fold_are_survived(model: str):
    table = clustered(200)[1]
    table[::7, 3] = np.nan
    table[:, 4] = np.where(table[:, 0] > np.median(table[:, 0]), np.nan, table[:, 4])
    table[:, 5] = np.where(np.arange(200) % 10 < 7, 0.0, table[:, 5])
    table[:, 6] = np.arange(200) % 4
    gaps = inventory(table, codes=("field_b",))
    assert gaps.kinds == ("number", "number", "number", "code")
    got = validate(model, gaps, make_folds(gaps, "spatial", repeats=1, seed=0), seed=0)
    assert np.isfinite(got.held_out).all()


def test_a_predictor_that_alone_separates_the_classes_is_named():
    table = clustered(200)[1]
    leak = np.where(table[:, 2] > 0, 7.0, np.where(table[:, 3] > 25, 3.0, 11.0))  # neither rising nor falling
    found = leaks(inventory(np.column_stack([table, leak]), [*HEADER[3:], "depth_after"]), cut_of(table))
    assert [(r.rule, r.fields) for r in found] == [("leakage", ("depth_after",))]
    assert "depth_after" in found[0].say.zh


def cut_of(table: np.ndarray, names: list[str] | None = None) -> Folds:
    return make_folds(inventory(table, names), "spatial", repeats=1, seed=0)


def test_a_predictor_that_only_one_class_has_is_named():
    table = clustered(200)[1]
    table[:, 4] = np.where(table[:, 2] > 0, table[:, 4], np.nan)
    assert [(r.rule, r.fields) for r in leaks(inventory(table), cut_of(table))] == [
        ("telling_gaps", ("rough",))
    ]


def test_an_honest_inventory_has_no_leaks():
    assert leaks(made(), cut()) == []


def encoded(kind: str, classes: np.ndarray, occurred: np.ndarray) -> np.ndarray:
    """What somebody makes of the classes over all rows before the table is handed in."""
    number = np.unique(classes, return_inverse=True)[1]
    rows, hits = np.bincount(number)[number], np.bincount(number, weights=occurred)[number]
    rate, share = hits / rows, occurred.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "mean": rate,
            "frequency ratio, two digits": np.round(rate / share, 2),
            "certainty factor": np.where(rate >= share, (rate - share) / (np.where(rate == 0, 1, rate) * (1 - share)),
                                         (rate - share) / (share * (1 - rate))),
            "weight of evidence": np.log((hits + 0.5) / (rows - hits + 0.5)),
            "smoothed": (hits + 10 * share) / (rows + 10),
            "scaled to .1-.9": 0.1 + 0.8 * (rate - rate.min()) / (rate.max() - rate.min()),
            "without the row itself": (hits - occurred) / (rows - 1),
        }[kind]  # fmt: skip


ENCODINGS = ["mean", "frequency ratio, two digits", "certainty factor", "weight of evidence", "smoothed",
             "scaled to .1-.9", "without the row itself"]  # fmt: skip


@pytest.mark.parametrize("kind", ENCODINGS)
@pytest.mark.parametrize(("rows", "classes"), [(400, 30), (400, 8), (3000, 12)])
def test_a_class_rate_computed_over_all_rows_is_seen_though_the_labels_are_chance(kind, rows, classes):
    rng = np.random.default_rng(5)
    occurred = rng.random(rows) < 0.5
    column = encoded(kind, rng.integers(0, classes, rows), occurred.astype(float))
    assert computed_from_outcome(column, occurred)


@pytest.mark.parametrize(("rows", "classes"), [(400, 3), (400, 8), (3000, 12), (3000, 60), (20_000, 10)])
@pytest.mark.parametrize("strength", [0.0, 0.3, 0.9])
def test_honest_classes_in_the_order_of_their_danger_are_not_suspected(rows, classes, strength):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        step = rng.integers(0, classes, rows)
        occurred = rng.random(rows) < 0.5 + strength * (step / (classes - 1) - 0.5)
        assert not computed_from_outcome(2.5 + 5.0 * step, occurred)


def test_classes_sampled_half_and_half_are_not_suspected():
    step = np.repeat(np.arange(8.0), 50)
    assert not computed_from_outcome(step, np.tile([True, False], 200))


def numbers_of(path: Path) -> tuple[list[str], np.ndarray]:
    """The predictors of a table `x,y,target,…` and all its columns."""
    with path.open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    words = {"TRUE": 1.0, "FALSE": 0.0}
    return header[3:], np.array([[words[c] if c in words else float(c) for c in row] for row in rows])


def test_the_file_with_an_encoded_target_is_warned_of_and_a_real_inventory_is_not(test_data: Path):
    _, table = numbers_of(FIELD / "target_encoded.csv")
    found = leaks(inventory(table, ["cf", "noise"]), cut_of(table, ["cf", "noise"]))
    assert [(r.rule, r.fields) for r in found] == [("leakage", ("cf",))]
    assert "encode" in found[0].say.en
    names, table = numbers_of(test_data / "lsl.csv")
    assert leaks(inventory(table, names), cut_of(table, names)) == []


@pytest.mark.parametrize("model", MODELS)
def test_class_rates_learned_inside_the_folds_do_not_know_the_answer(model: str):
    rng = np.random.default_rng(2)
    table = clustered(400)[1]
    table[:, 2] = rng.random(400) < 0.5
    classes = rng.integers(0, 80, 400).astype(float)
    outside = encoded("mean", classes, table[:, 2])

    def reached(column: np.ndarray, rates: tuple[str, ...]) -> float:
        one = inventory(np.column_stack([table[:, :3], column]), ["lithology"], rates=rates)
        return validate(model, one, make_folds(one, "random", repeats=1, seed=1), seed=1).auroc_mean

    assert reached(outside, ()) > 0.65
    assert 0.35 < reached(classes, ("lithology",)) < 0.62


def test_a_balanced_sample_is_said_unless_the_prevalence_is_known():
    rules = {r.rule for r in of_inventory(made(), prevalence=None)}
    assert "sample_share" in rules
    assert "sample_share" not in {r.rule for r in of_inventory(made(), prevalence=0.02)}


def test_whole_numbers_of_few_values_may_be_codes():
    table = clustered(200)[1]
    table[:, 4] = np.arange(200) % 5
    assert ("looks_like_code", ("rough",)) in {
        (r.rule, r.fields) for r in of_inventory(inventory(table), prevalence=0.1)
    }
    coded = of_inventory(inventory(table, codes=("rough",)), prevalence=0.1)
    assert "looks_like_code" not in {r.rule for r in coded}


def test_the_true_driver_weighs_most_and_rises():
    weights = permutation_importance("logistic", made(), cut(), seed=0)
    assert weights[0].predictor == "slope"
    assert weights[0].low <= weights[0].drop <= weights[0].high
    whole = fitted("logistic", made(), np.ones(len(made()), dtype=bool), seed=0)
    shape = next(d for d in partial_dependence(whole, made()) if d.predictor == "slope")
    assert list(shape.values) == sorted(shape.values)
    assert list(shape.probability) == sorted(shape.probability)


def test_calibration_classes_hold_every_row_once():
    rng = np.random.default_rng(0)
    p = rng.random((2, 400))
    bins = calibration(p, rng.random(400) < 0.5)
    assert sum(b.count for b in bins) == 400
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)


def test_the_published_comparison_is_met(test_data):
    from pathlib import Path

    from riskmap.actions.training_table import Request, read_training_table

    table = read_training_table(Path(test_data) / "lsl.csv", Request("lslpts", "x", "y", "EPSG:32717"))
    landslides = table.inventory
    assert (len(landslides), int(landslides.occurred.sum())) == (350, 175)
    spatial = make_folds(landslides, "spatial", repeats=8, seed=1)
    random = make_folds(landslides, "random", repeats=2, seed=1)
    reached = {
        model: [
            float(validate(model, landslides, f, seed=1).auroc_by_repeat.mean()) for f in (spatial, random)
        ]
        for model in ("logistic", "splines")
    }
    assert reached["logistic"][0] == pytest.approx(0.7726, abs=0.02)  # published, spatial folds
    assert reached["logistic"][1] == pytest.approx(0.8097, abs=0.02)  # published, random folds
    assert max(r[0] for r in reached.values()) >= 0.78
    assert all(r[1] > r[0] for r in reached.values())
