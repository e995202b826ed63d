"""A trained artefact is loaded by digest, from a fixed list of types, and says nothing where it knows nothing."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skops.io

from riskmap.errors import LearnedError
from riskmap.formulas.work_risk import prevalence_corrected
from riskmap.scoring.learned.algorithms import MODELS
from riskmap.scoring.learned.artefact import Learned, dump_learned, learned_from, load_learned
from riskmap.scoring.learned.validation import fitted
from tests.inventories import clustered, inventory

NAMES = ("slope", "rough", "field_a", "field_b")


def dumped(
    model: str = "splines",
    *,
    prevalence: float | None = None,
    codes: tuple[str, ...] = (),
    rates: tuple[str, ...] = (),
) -> bytes:
    _, table = clustered(120)
    if codes or rates:
        table[:, 4] = np.round(table[:, 4] * 2) + 10
    made = inventory(table, codes=codes, rates=rates)
    pipeline = fitted(model, made, np.ones(len(made), dtype=bool), seed=0)
    return dump_learned(
        pipeline,
        model=model,
        table=made.values,
        predictors=made.predictors,
        categories=made.categories,
        crs="EPSG:4547",
        area=made.area,
        sample_share=made.share,
        prevalence=prevalence,
    )


@pytest.fixture(scope="module")
def data() -> bytes:
    return dumped()


@pytest.fixture(scope="module")
def learned(data: bytes) -> Learned:
    return learned_from(data, name="a.skops")


def columns(rows: int = 50) -> dict[str, np.ndarray]:
    _, table = clustered(120)
    return {name: table[:rows, 3 + i].copy() for i, name in enumerate(NAMES)}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_comes_back_and_gives_probabilities(model: str):
    loaded = learned_from(dumped(model), name="a.skops")
    answer = loaded.predict(columns())
    assert loaded.model == model
    assert loaded.predictors == NAMES
    assert ((answer > 0) & (answer < 1)).all()
    assert np.ptp(answer) > 0.2


def test_training_twice_gives_the_same_bytes(data: bytes):
    assert dumped() == data


def test_a_missing_predictor_or_one_outside_its_range_is_unknown_and_never_safe(learned: Learned):
    table = columns(5)
    table["slope"][:4] = [np.nan, np.inf, 500.0, -500.0]
    answer = learned.predict(table)
    assert np.isnan(answer[:4]).all()
    assert np.isfinite(answer[4])


def test_the_ends_of_the_trained_range_still_count(learned: Learned):
    ends = np.array(learned.ranges)
    assert np.isfinite(learned.predict({name: ends[i] for i, name in enumerate(NAMES)})).all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("said", ["codes", "rates"])
def test_a_code_that_training_never_saw_is_unknown(said: str, model: str):
    kept = dumped(model, **{said: ("rough",)})
    assert kept == dumped(model, **{said: ("rough",)})
    loaded = learned_from(kept, name="a.skops")
    table = columns(3)
    table["rough"] = np.array([10.0, 10.5, 11.0])
    assert np.isnan(loaded.predict(table)).tolist() == [False, True, False]


def test_a_column_that_lacks_is_named(learned: Learned):
    with pytest.raises(LearnedError, match="field_b"):
        learned.predict({name: np.zeros(2) for name in NAMES[:3]})
    with pytest.raises(LearnedError, match="length"):
        learned.predict({name: np.zeros(2 + i) for i, name in enumerate(NAMES)})


def test_prediction_is_the_same_row_by_row_all_at_once_and_from_many_threads(learned: Learned):
    table = columns(100)
    whole = learned.predict(table)
    single = [float(learned.predict({k: v[i : i + 1] for k, v in table.items()})[0]) for i in range(100)]
    assert single == whole.tolist()
    with ThreadPoolExecutor(4) as pool:
        assert all((a == whole).all() for a in pool.map(lambda _: learned.predict(table), range(8)))


def test_no_rows_give_no_answers(learned: Learned):
    assert learned.predict({name: np.array([]) for name in NAMES}).shape == (0,)


def test_the_prior_correction_lowers_probabilities_and_keeps_the_order(learned: Learned):
    rare = learned_from(dumped(prevalence=0.01), name="a.skops")
    table = columns(40)
    before, after = learned.predict(table), rare.predict(table)
    assert (after < before).all()
    assert np.argsort(before).tolist() == np.argsort(after).tolist()
    assert after == pytest.approx(
        prevalence_corrected(before, sample_share=learned.sample_share, prevalence=0.01), abs=1e-8
    )


def test_the_prior_correction_has_its_worked_values():
    got = prevalence_corrected([0.5, 0.9, 0.0, 1.0], sample_share=0.5, prevalence=0.01)
    assert got == pytest.approx([0.01, 0.0833333333, 0.0, 1.0])
    assert np.isnan(prevalence_corrected(np.nan, sample_share=0.5, prevalence=0.1))
    with pytest.raises(ValueError, match="between"):
        prevalence_corrected(0.5, sample_share=1.0, prevalence=0.1)


def test_loading_asks_for_the_digest_and_refuses_another_file(tmp_path: Path, data: bytes):
    path = tmp_path / "m.skops"
    path.write_bytes(data)
    right = hashlib.sha256(data).hexdigest()
    assert load_learned(path, digest=right.upper()).digest == right
    with pytest.raises(LearnedError, match=right):
        load_learned(path, digest="0" * 64)
    with pytest.raises(LearnedError, match="64"):
        load_learned(path, digest="abc")
    with pytest.raises(LearnedError, match="absent.skops"):
        load_learned(tmp_path / "absent.skops", digest=right)


class Evil:
    def __reduce__(self):
        return (print, ("owned",))


@pytest.mark.parametrize(
    "content",
    [pickle.dumps(Evil()), b"", b"PK\x03\x04 cut off", b"{}"],
    ids=["pickle", "empty", "cut", "json"],
)
def test_a_pickle_or_a_damaged_file_is_refused(content: bytes, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(LearnedError, match=r"skops"):
        learned_from(content, name="a.skops")
    assert "owned" not in capsys.readouterr().out


def test_a_zip_that_carries_a_pickle_is_refused(data: bytes):
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("model.pkl", pickle.dumps(Evil()))
    with pytest.raises(LearnedError, match="pickle"):
        learned_from(buffer.getvalue(), name="a.skops")


def test_a_type_outside_the_list_is_refused_by_name():
    from sklearn.svm import SVC

    buffer = io.BytesIO()
    skops.io.dump({"format": 1, "kind": "susceptibility", "pipeline": SVC()}, buffer)
    with pytest.raises(LearnedError, match=r"sklearn\.svm\._classes\.SVC"):
        learned_from(buffer.getvalue(), name="a.skops")


def test_a_function_in_place_of_a_part_is_refused_by_name():
    import os

    buffer = io.BytesIO()
    skops.io.dump({"format": 1, "kind": "susceptibility", "pipeline": os.path.exists}, buffer)
    with pytest.raises(LearnedError, match=r"genericpath\.exists"):
        learned_from(buffer.getvalue(), name="a.skops")


def test_an_allowed_name_behind_another_loader_is_refused(data: bytes):
    forged = edited(data, lambda text: text.replace('"FunctionNode"', '"MethodNode"'))
    with pytest.raises(LearnedError, match="asarray"):
        learned_from(forged, name="a.skops")


def test_an_honest_archive_of_something_else_is_refused():
    buffer = io.BytesIO()
    skops.io.dump({"hello": [1.0]}, buffer)
    with pytest.raises(LearnedError, match="riskmap train"):
        learned_from(buffer.getvalue(), name="a.skops")


def test_libraries_that_answer_differently_are_noticed(data: bytes):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
        answers = schema["content"]["answers"]["file"]
        parts = {name: archive.read(name) for name in archive.namelist()}
    changed = io.BytesIO()
    np.save(changed, np.load(io.BytesIO(parts[answers])) + 0.001)
    parts[answers] = changed.getvalue()
    with pytest.raises(LearnedError, match="differently"):
        learned_from(zipped(parts), name="a.skops")


def edited(data: bytes, change) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = change(parts["schema.json"].decode()).encode()
    return zipped(parts)


def zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
