"""The catalog: every layer and scoring model of a workspace, read once and checked as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from riskmap.catalog.layer import Layer
from riskmap.catalog.model import ScoringModel
from riskmap.catalog.problems import TomlFile, closest, read_text, shown
from riskmap.catalog.roles import LayerRole
from riskmap.errors import CatalogError, CatalogProblem, Say, UnknownNameError

_PACKAGE = Path(__file__).parents[1]


_CARD = ".card.toml"  # the card of a trained artefact lies beside the models and is none


_T = TypeVar("_T", Layer, ScoringModel)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All layers and models of a workspace, by id, the layers in the order of their style.

    `digest`: SHA-256, hex, over the layer files' texts; what was made under other layers is not used.
    """

    layers: Mapping[str, Layer]
    models: Mapping[str, ScoringModel]
    digest: str

    def layer(self, layer_id: str) -> Layer:
        """Return a layer; UnknownNameError names the known ones."""
        if layer_id not in self.layers:
            raise _unknown(layer_id, self.layers, "图层", "layer")
        return self.layers[layer_id]

    def by_role(self, role: LayerRole) -> Layer | None:
        """Return the layer that has a role, None where no layer has it."""
        return next((layer for layer in self.layers.values() if layer.role == role), None)

    def needed(self, role: LayerRole) -> Layer:
        """Return the layer that has a role; UnknownNameError says how a layer gets it."""
        layer = self.by_role(role)
        if layer is None:
            raise UnknownNameError(
                f'没有角色为 {role} 的图层；请在所用图层的文件 layers/*.toml 中写 role = "{role}"',
                f'no layer has the role {role}; write role = "{role}" into the file layers/*.toml of the one meant',
            )
        return layer

    def model(self, model_id: str) -> ScoringModel:
        """Return a scoring model; UnknownNameError names the known ones."""
        if model_id not in self.models:
            raise _unknown(model_id, self.models, "评分模型", "scoring model")
        return self.models[model_id]

    @property
    def scored(self) -> tuple[str, ...]:
        """Ids of the layers that have a scoring model."""
        return tuple(layer.id for layer in self.layers.values() if layer.model is not None)

    def model_id(self, layer_id: str) -> str:
        """Return the id of a layer's scoring model; UnknownNameError where the layer is not scored."""
        layer = self.layer(layer_id)
        if layer.model is None:
            raise UnknownNameError(
                f"{layer.title.zh}：这个图层不评分；要评分请在 layers/ 中它的文件里写 model",
                f"{layer.title.en}: this layer is not scored; to score it write model into its file in layers/",
            )
        return layer.model

    def model_of(self, layer_id: str) -> ScoringModel:
        """Return the scoring model of a layer. Raises as `model_id` does."""
        return self.model(self.model_id(layer_id))


def load_catalog(root: Path) -> Catalog:
    """Read `root/layers/*.toml` and `root/models/*.toml`.

    Raises CatalogError with every mistake of every file, and of the files against one another.
    """
    # What checks the files knows the formulas, and those numpy: only who reads files pays for it.
    from riskmap.catalog.cross_checks import check_models  # noqa: PLC0415
    from riskmap.catalog.layer_file import common_source, read_layer  # noqa: PLC0415
    from riskmap.catalog.model_file import read_model  # noqa: PLC0415

    layers, layer_files, problems = _read(root, "layers", read_layer)
    models, model_files, more = _read(root, "models", read_model)
    problems += more
    for kind, found in (("layers", layers), ("models", models)):
        if not found and not any(p.file.startswith(f"{kind}/") for p in problems):
            expected = Say(f"至少一个文件 {kind}/*.toml", f"at least one file {kind}/*.toml")
            problems.append(CatalogProblem(str(root / kind), "*.toml", "0", expected))
    problems += _roles_twice(layers, layer_files)
    if models:
        problems += check_models(layers, layer_files, models, model_files, broken=bool(more))
    if problems:
        raise CatalogError(tuple(problems))
    ordered = dict(sorted(layers.items(), key=lambda item: (item[1].style.order, item[0])))
    return Catalog(ordered, models, _digest((common_source(), *layer_files.values())))


def model_for(layer: Layer, text: str, file: str) -> ScoringModel:
    """Return the scoring model of a file's text, checked against the layer that it is to score.

    `file` is named in messages. Raises CatalogError with every mistake of the file, or with
    everything that it asks for and the layer does not have.
    """
    from riskmap.catalog.cross_checks import model_problems  # noqa: PLC0415 - as in load_catalog
    from riskmap.catalog.model_file import read_model  # noqa: PLC0415

    model = read_model(text, file)
    problems = list(model_problems(layer, model, TomlFile.parse(text.replace("\r\n", "\n"), file)))
    if problems:
        raise CatalogError(tuple(dict.fromkeys(problems)))
    return model


def defaults_dir() -> Path:
    """Return the directory whose `layers/` and `models/` are riskmap's own defaults."""
    installed = _PACKAGE / "defaults"
    return installed if (installed / "layers").is_dir() else _PACKAGE.parent


def _read(
    root: Path, kind: str, read: Callable[[str, str], _T]
) -> tuple[dict[str, _T], dict[str, TomlFile], list[CatalogProblem]]:
    found: dict[str, _T] = {}
    files: dict[str, TomlFile] = {}
    problems: list[CatalogProblem] = []
    for path in sorted((root / kind).glob("*.toml")):
        if path.name.endswith(_CARD):
            continue
        name = f"{kind}/{path.name}"
        try:
            text = read_text(path, name)
            value = read(text, name)
        except CatalogError as error:
            problems += error.problems
            continue
        source = TomlFile.parse(text, name)
        if value.id in found:
            other = files[value.id].file
            expected = Say(f"没有用过的标识（{other} 已用）", f"an id not used before ({other} has it)")
            problems.append(source.problem(("id",), expected, found=shown(value.id)))
            continue
        found[value.id], files[value.id] = value, source
    return found, files, problems


def _roles_twice(layers: Mapping[str, Layer], files: Mapping[str, TomlFile]) -> Iterator[CatalogProblem]:
    first: dict[LayerRole, str] = {}
    for layer in layers.values():
        if layer.role is None:
            continue
        owner = first.setdefault(layer.role, layer.id)
        if owner != layer.id:
            other = files[owner].file
            expected = Say(
                f"没有用过的角色（{other} 已用）；一个角色只属于一个图层",
                f"a role not used before ({other} has it): one layer has it",
            )
            yield files[layer.id].problem(("role",), expected, found=shown(layer.role))


def _digest(files: Iterable[TomlFile]) -> str:
    texts = sorted(file.text.replace("\r\n", "\n") for file in files)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _unknown(name: str, known: Iterable[str], zh: str, en: str) -> UnknownNameError:
    ids = sorted(known)
    near = closest(name, ids)
    return UnknownNameError(
        f"没有{zh} {name}；现有：{'、'.join(ids) or '无'}" + (f"；是否想写 {near}？" if near else ""),
        f"no {en} {name}; there are: {', '.join(ids) or 'none'}"
        + (f"; did you mean {near}?" if near else ""),
    )
