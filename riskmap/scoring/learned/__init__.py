"""Susceptibility learned from an inventory of occurrences: honest folds, plain models, a safe file.

`Inventory` in → folds in space → four models compared → the chosen one as a `.skops` artefact with
a model card. Pure, except that `load_learned` reads its one file. scikit-learn is imported only
inside functions.
"""

from __future__ import annotations

from riskmap.errors import LearnedError
from riskmap.scoring.learned.artefact import Learned, dump_learned, learned_from, load_learned

__all__ = [
    "Learned",
    "LearnedError",
    "dump_learned",
    "learned_from",
    "load_learned",
]
