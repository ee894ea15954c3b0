"""How long work runs: early ends, workers, progress, the cache folder, downloads."""
