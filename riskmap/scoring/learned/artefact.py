"""A trained model as a file that can be trusted: written with skops, never pickle, and loaded by digest.

Beside the fitted pipeline the file holds what a prediction needs to be refused: the predictors in
order, the range of each in the training data, the area. It also holds a few made-up rows and the
answers of the day it was trained, so that another version of a library that would answer
differently is noticed when the file is opened.

What a trained artefact may be made of: a fixed list of types, checked before anything is built.

A `.skops` file is a zip of one `schema.json` and numpy arrays. The schema names for every part a
class and the loader that would build it. Whatever is not in `ALLOWED` is refused by name, before
skops sees the file; skops then checks its own list once more.

The same model, the same bytes: a `.skops` archive without memory addresses and times in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.errors import LearnedError
from riskmap.formulas.work_risk import prevalence_corrected
from riskmap.scoring.learned.algorithms import without_training_state

SCHEMA: Final = "schema.json"


_LARGEST: Final = 512 * 1024 * 1024  # bytes unpacked


_ENTRIES: Final = 20_000


_NUMPY: Final = (
    "ndarray",
    "float64",
    "float32",
    "int64",
    "int32",
    "int8",
    "uint64",
    "uint32",
    "uint8",
    "bool",
    "bool_",
)


_PLAIN: Final = ("str", "int", "float", "bool", "slice")


# (loader, module.class)
ALLOWED: Final = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("SliceNode", "builtins.slice"),
        ("DTypeNode", "numpy.dtype"),
        *(("JsonNode", f"builtins.{name}") for name in _PLAIN),
        *(("TypeNode", f"builtins.{name}") for name in _PLAIN),
        *(("NdArrayNode", f"numpy.{name}") for name in _NUMPY),
        *(("TypeNode", f"numpy.{name}") for name in _NUMPY),
        ("TreeNode", "sklearn.tree._tree.Tree"),
        ("LossNode", "sklearn._loss._loss.CyHalfBinomialLoss"),
        # The array library that a fitted B-spline of scipy remembers: numpy's asarray.
        ("FunctionNode", "scipy._lib.array_api_compat.numpy._aliases.asarray"),
        *(
            ("ObjectNode", name)
            for name in (
                "scipy.interpolate._bsplines.BSpline",
                "sklearn._loss.link.Interval",
                "sklearn._loss.link.LogitLink",
                "sklearn._loss.loss.HalfBinomialLoss",
                "sklearn.compose._column_transformer.ColumnTransformer",
                "sklearn.ensemble._forest.RandomForestClassifier",
                "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
                "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
                "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
                "sklearn.impute._base.SimpleImputer",
                "sklearn.linear_model._logistic.LogisticRegression",
                "sklearn.pipeline.Pipeline",
                "sklearn.preprocessing._data.StandardScaler",
                "sklearn.preprocessing._encoders.OneHotEncoder",
                "sklearn.preprocessing._label.LabelEncoder",
                "sklearn.preprocessing._polynomial.SplineTransformer",
                "sklearn.preprocessing._target_encoder.TargetEncoder",
                "sklearn.tree._classes.DecisionTreeClassifier",
            )
        ),
    }
)


class _NotAnArtefactError(Exception):
    """The bytes are no `.skops` file, or one that is damaged or far too large."""


def _types_in(data: bytes) -> set[tuple[str, str]]:
    """Return (loader, module.class) of every part that the artefact names. Builds nothing.

    Raises _NotAnArtefactError where `data` is not a zip with one schema and numpy arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _ENTRIES or sum(m.file_size for m in members) > _LARGEST:
                raise _NotAnArtefactError
            if any(m.filename != SCHEMA and not m.filename.endswith(".npy") for m in members):
                raise _NotAnArtefactError
            schema = json.loads(archive.read(SCHEMA))
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        RecursionError,
        NotImplementedError,
    ) as problem:
        raise _NotAnArtefactError from problem
    return _named(schema)


def _foreign_types(data: bytes) -> list[str]:
    """Return the types of an artefact that may not be loaded, as "module.class", sorted."""
    return sorted({name for loader, name in _types_in(data) - ALLOWED})


def _named(schema: Any) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    open_parts: list[Any] = [schema]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            node = cast("dict[str, Any]", part)
            if node.keys() & {"__class__", "__module__", "__loader__"}:
                name = f"{node.get('__module__')}.{node.get('__class__')}"
                found.add((str(node.get("__loader__")), name))
            open_parts.extend(node.values())
        elif isinstance(part, list):
            open_parts.extend(cast("list[Any]", part))
    return found


_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def canonical(data: bytes) -> bytes:
    """Return the archive with objects and arrays numbered in the order of the schema.

    skops names arrays and shared objects by their address in memory, which differs from run to run.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(SCHEMA))
        arrays = {name: archive.read(name) for name in archive.namelist() if name != SCHEMA}
    ids: dict[object, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, ids, files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for old, new in files.items():
            _write(archive, new, arrays[old])
        _write(archive, SCHEMA, json.dumps(schema, indent=1).encode())
    return buffer.getvalue()


def _renumber(part: Any, ids: dict[object, int], files: dict[str, str]) -> None:
    if isinstance(part, list):
        for item in cast("list[Any]", part):
            _renumber(item, ids, files)
    elif isinstance(part, dict):
        node = cast("dict[str, Any]", part)
        if "__id__" in node:
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if "__loader__" in node and isinstance(node.get("file"), str):
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1}.npy")
        for value in node.values():
            _renumber(value, ids, files)


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


FORMAT: Final = 1


DECIMALS: Final = 9  # of a probability: the last bits depend on how many rows are computed at once


_CHUNK: Final = 65_536


_PROBES: Final = 32


_TOLERANCE: Final = 1e-7  # of the answers kept in the file


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A trained susceptibility model, ready to predict. Safe to share between threads.

    `digest`: SHA-256 (hex) of the file. `model`: logistic, splines, random_forest or
    hist_gradient_boosting. `predictors` in the order of training; `ranges` their least and largest
    trained value, in the training table's units; `categories` the trained codes of those predictors
    that are codes. `crs` of the training coordinates; `area`: west, south, east, north of the
    training points in CGCS2000 degrees. `sample_share`: share of occurrences in the sample, 0–1;
    `prevalence`: the true share that `predict` corrects to, None where none was stated: then the
    numbers rank places and are no frequencies.
    """

    digest: str
    model: str
    predictors: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    categories: Mapping[str, tuple[float, ...]]
    crs: str
    area: tuple[float, float, float, float]
    sample_share: float
    prevalence: float | None
    pipeline: Any = field(repr=False)

    def predict(self, columns: Mapping[str, NDArray[np.float64]]) -> Floats:
        """Return the probability 0–1 of an occurrence for each row, rounded to 9 decimals.

        `columns`: predictor → values, all of one length; other columns are not read. NaN where any
        predictor is NaN or infinite, lies outside its trained range, or is a code that training
        never saw: the model knows nothing about such a place, and unknown is never safe. Nothing is
        imputed here. Where `prevalence` is set the probability is corrected to it.
        LearnedError names predictors that `columns` lacks or whose lengths differ.
        """
        table = self._table(columns)
        answer = np.full(len(table), np.nan)
        known = np.flatnonzero(self.inside(table))
        for start in range(0, len(known), _CHUNK):
            rows = known[start : start + _CHUNK]
            answer[rows] = _probability(self.pipeline, table[rows])
        if self.prevalence is not None:
            answer = prevalence_corrected(answer, sample_share=self.sample_share, prevalence=self.prevalence)
        return np.round(answer, DECIMALS)

    def inside(self, table: Floats) -> NDArray[np.bool_]:
        """Return which rows of `table` (rows × predictors) lie within what was trained."""
        low, high = np.array(self.ranges, dtype=np.float64).reshape(-1, 2).T
        within = (table >= low) & (table <= high)  # NaN is in no range
        for name, codes in self.categories.items():
            column = self.predictors.index(name)
            within[:, column] &= np.isin(table[:, column], codes)
        return np.logical_and.reduce(within, axis=1)

    def _table(self, columns: Mapping[str, NDArray[np.float64]]) -> Floats:
        lacking = [name for name in self.predictors if name not in columns]
        if lacking:
            raise LearnedError(
                f"训练成果 {self.digest[:12]}：缺少因子 {'、'.join(lacking)}；请提供训练时用的全部因子",
                f"artefact {self.digest[:12]}: lacks the predictors {', '.join(lacking)}; give all that it was trained on",
            )
        parts = [np.asarray(columns[name], dtype=np.float64) for name in self.predictors]
        if len({part.shape for part in parts}) != 1 or parts[0].ndim != 1:
            raise LearnedError(
                f"训练成果 {self.digest[:12]}：各因子的行数不同；请给出等长的列",
                f"artefact {self.digest[:12]}: the predictors differ in length; give columns of one length",
            )
        return np.column_stack(parts)


def load_learned(path: Path, *, digest: str) -> Learned:
    """Return the artefact of `path`, whose SHA-256 must be `digest` (hex).

    LearnedError where the file cannot be read, has another digest, is no `.skops` artefact of
    riskmap, names a type outside the fixed list, or answers its own probe rows differently here.
    The bytes are read once: what was checked is what is loaded.
    """
    wanted = digest.strip().lower().removeprefix("sha256:")
    if not _DIGEST.fullmatch(wanted):
        raise LearnedError(
            f"{path}：摘要 {digest[:80]!r} 不是 64 位十六进制的 SHA-256；请从模型卡中照抄",
            f"{path}: the digest {digest[:80]!r} is no SHA-256 of 64 hex digits; copy it from the model card",
        )
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise LearnedError(
            f"{path}：无法读取（{problem.strerror or problem}）；请核对路径，或重新运行 riskmap train",
            f"{path}: cannot be read ({problem.strerror or problem}); check the path, or run riskmap train again",
        ) from problem
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise LearnedError(
            f"{path}：文件的 SHA-256 是 {found}，应为 {wanted}；文件被换过或损坏，请找回原文件，"
            "或在核对模型卡之后改用新的摘要",
            f"{path}: the file's SHA-256 is {found}, expected {wanted}; it was replaced or damaged: restore it, or "
            "state the new digest after reading its model card",
        )
    return learned_from(data, name=str(path))


def learned_from(data: bytes, *, name: str) -> Learned:
    """Return the artefact that `data` holds; `name` stands in messages. LearnedError as for `load_learned`."""
    try:
        foreign = _foreign_types(data)
    except _NotAnArtefactError as problem:
        raise LearnedError(
            f"{name}：不是 .skops 文件（pickle、joblib 等格式不予加载），或已损坏；请用 riskmap train 重新训练",
            f"{name}: not a .skops file (pickle, joblib and others are not loaded), or damaged; train it with riskmap train",
        ) from problem
    if foreign:
        raise LearnedError(
            f"{name}：含有不允许的类型 {'、'.join(foreign[:5])}，未加载；只加载 riskmap train 生成的文件",
            f"{name}: holds types that are not allowed, {', '.join(foreign[:5])}, and was not loaded; only files made by "
            "riskmap train are",
        )
    return _checked(_load(data, name), hashlib.sha256(data).hexdigest(), name)


def dump_learned(
    pipeline: Any,
    *,
    model: str,
    table: Floats,
    predictors: Sequence[str],
    categories: Mapping[str, Sequence[float]],
    crs: str,
    area: tuple[float, float, float, float],
    sample_share: float,
    prevalence: float | None,
) -> bytes:
    """Return the bytes of an artefact; the same training gives the same bytes.

    `table`: the training values (rows × predictors, NaN where missing), of which only the ranges
    and some made-up rows between them are kept.
    """
    import skops.io  # noqa: PLC0415 - heavy

    pipeline = without_training_state(pipeline)
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    probe = _probe(table, predictors, categories)
    content: dict[str, Any] = {
        "format": FORMAT,
        "kind": "susceptibility",
        "model": model,
        "predictors": list(predictors),
        "ranges": np.column_stack([low, high]),
        "categories": {name: [float(c) for c in codes] for name, codes in categories.items()},
        "crs": crs,
        "area": [float(a) for a in area],
        "sample_share": float(sample_share),
        "prevalence": prevalence,
        "pipeline": pipeline,
        "probe": probe,
        "answers": _probability(pipeline, probe),
    }
    buffer = io.BytesIO()
    skops.io.dump(content, buffer)
    return canonical(buffer.getvalue())


def _probe(table: Floats, predictors: Sequence[str], categories: Mapping[str, Sequence[float]]) -> Floats:
    """Made-up rows: each predictor takes its own quantiles in an order of its own."""
    rng = np.random.default_rng(0)
    steps = np.linspace(0.0, 1.0, _PROBES)
    columns = []
    for i, name in enumerate(predictors):
        values = np.nanquantile(table[:, i], steps, method="nearest" if name in categories else "linear")
        columns.append(rng.permutation(values))
    return np.column_stack(columns)


def _probability(pipeline: Any, table: Floats) -> Floats:
    return np.asarray(pipeline.predict_proba(table)[:, 1], dtype=np.float64)


def _load(data: bytes, name: str) -> dict[str, Any]:
    import skops.io  # noqa: PLC0415 - heavy

    trusted = sorted({named for _loader, named in _types_in(data)})  # all of them are in the fixed list
    try:
        with warnings.catch_warnings():
            # A library of another version is judged by the answers, below.
            warnings.simplefilter("ignore")
            content = skops.io.load(io.BytesIO(data), trusted=trusted)
    except Exception as problem:  # a damaged schema fails in many ways
        raise LearnedError(
            f"{name}：无法加载（{type(problem).__name__}：{problem}）；文件损坏或来自不同版本，请重新训练",
            f"{name}: cannot be loaded ({type(problem).__name__}: {problem}); damaged or of another version, train it again",
        ) from problem
    if not isinstance(content, dict):
        raise _not_ours(name)
    return cast("dict[str, Any]", content)


def _checked(content: dict[str, Any], digest: str, name: str) -> Learned:
    from sklearn.pipeline import Pipeline  # noqa: PLC0415 - heavy

    if content.get("format") != FORMAT or content.get("kind") != "susceptibility":
        raise _not_ours(name)
    try:
        ranges = np.asarray(content["ranges"], dtype=np.float64)
        probe = np.asarray(content["probe"], dtype=np.float64)
        prevalence = content["prevalence"]
        west, south, east, north = (float(a) for a in content["area"])
        learned = Learned(
            digest=digest,
            model=str(content["model"]),
            predictors=tuple(str(p) for p in content["predictors"]),
            ranges=tuple((float(a), float(b)) for a, b in ranges),
            categories={str(k): tuple(map(float, v)) for k, v in content["categories"].items()},
            crs=str(content["crs"]),
            area=(west, south, east, north),
            sample_share=float(content["sample_share"]),
            prevalence=None if prevalence is None else float(prevalence),
            pipeline=content["pipeline"],
        )
        whole = (
            isinstance(learned.pipeline, Pipeline)
            and len(ranges) == len(learned.predictors) == probe.shape[1]
        )
        answers = _probability(learned.pipeline, probe) if whole else probe
        same = whole and np.allclose(answers, content["answers"], rtol=0.0, atol=_TOLERANCE)
    except Exception as problem:  # whatever a forged or foreign pipeline does
        raise _not_ours(name) from problem
    if not same:
        raise LearnedError(
            f"{name}：在本机的算法库版本下，结果与训练时不同，未启用；请用 riskmap train 重新训练",
            f"{name}: with the libraries of this machine it answers differently than when it was trained and is not used; "
            "train it again with riskmap train",
        )
    return learned


def _not_ours(name: str) -> LearnedError:
    return LearnedError(
        f"{name}：不是 riskmap train 生成的训练成果，或版本不符；请用 riskmap train 重新训练",
        f"{name}: not an artefact made by riskmap train, or of another version; train it again with riskmap train",
    )
