"""Papers and pictures: what is told of a selection, a model, a storm."""
