"""Reading `models/*.toml`: from the shape of the file to the values that score, every mistake at once.

What a model may say is described for its authors in docs/models.md.
"""

from __future__ import annotations

import hashlib

from riskmap.catalog.measures_part import measure_problems
from riskmap.catalog.model import Combination, ModelFile, ModelHead, ScoringModel
from riskmap.catalog.model_checks import file_problems
from riskmap.catalog.model_direction import in_order, with_worst
from riskmap.catalog.model_weights import pairwise_weights
from riskmap.catalog.problems import TomlFile
from riskmap.catalog.uncertainty_part import uncertainty_problems
from riskmap.errors import CatalogError


def read_model(text: str, file: str) -> ScoringModel:
    """Return the scoring model that the text of a TOML file describes.

    `file` is named in messages. Raises CatalogError with every mistake of the file.
    """
    text = text.replace("\r\n", "\n")
    source = TomlFile.parse(text, file)
    stated, problems = source.check(ModelFile)
    if stated is None:
        raise CatalogError(tuple(problems))
    model = _model(stated, text)
    problems = file_problems(model, source)
    problems += [*uncertainty_problems(model, source), *measure_problems(model, source)]
    if problems:
        raise CatalogError(tuple(sorted(problems, key=lambda p: p.line or 0)))
    return with_worst(in_order(model))


def _model(file: ModelFile, text: str) -> ScoringModel:
    """Return the model with its nodes in the order of the file."""
    return ScoringModel(
        **{name: getattr(file, name) for name in ModelHead.model_fields},
        nodes=(
            *file.indicators,
            *(leaf for table in file.learned for leaf in table.predictors()),
            *(table.node() for table in file.learned),
            *(_combined(node) for node in file.combinations),
        ),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


def _combined(node: Combination) -> Combination:
    """Return a combination with what its file states in another way: weights in pairs, nodes as inputs."""
    weights = pairwise_weights(node.pairwise) if node.pairwise else node.weights
    of = tuple(node.inputs.values()) if node.method == "formula" else node.of
    return node.model_copy(update={"weights": weights, "of": of})
