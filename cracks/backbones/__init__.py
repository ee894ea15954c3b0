"""The frozen backbones: the catalogue, the Keras models, their weights."""
