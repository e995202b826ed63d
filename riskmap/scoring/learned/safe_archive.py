"""What a trained artefact may be made of: a fixed list of types, checked before anything is built.

A `.skops` file is a zip of one `schema.json` and numpy arrays. The schema names for every part a
class and the loader that would build it. Whatever is not in `ALLOWED` is refused by name, before
skops sees the file; skops then checks its own list once more.

The same model, the same bytes: a `.skops` archive without memory addresses and times in it.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final, cast

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


class NotAnArtefactError(Exception):
    """The bytes are no `.skops` file, or one that is damaged or far too large."""


def types_in(data: bytes) -> set[tuple[str, str]]:
    """Return (loader, module.class) of every part that the artefact names. Builds nothing.

    Raises NotAnArtefactError where `data` is not a zip with one schema and numpy arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _ENTRIES or sum(m.file_size for m in members) > _LARGEST:
                raise NotAnArtefactError
            if any(m.filename != SCHEMA and not m.filename.endswith(".npy") for m in members):
                raise NotAnArtefactError
            schema = json.loads(archive.read(SCHEMA))
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        RecursionError,
        NotImplementedError,
    ) as problem:
        raise NotAnArtefactError from problem
    return _named(schema)


def foreign_types(data: bytes) -> list[str]:
    """Return the types of an artefact that may not be loaded, as "module.class", sorted."""
    return sorted({name for loader, name in types_in(data) - ALLOWED})


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
