"""Pre-training of the backbones on drawn walls, a pipeline of its own: see README.md."""
