"""How work runs: stages, early ends, workers, progress, the cache folder, downloads."""
