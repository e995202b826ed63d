"""Susceptibility learned from an inventory of occurrences: honest folds, plain models, a safe file.

`Inventory` in → folds in space → four models compared → the chosen one as a `.skops` artefact with
a model card. Pure, except that `load_learned` reads its one file. scikit-learn is imported only
inside functions.
"""
