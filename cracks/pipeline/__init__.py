"""What every stage stands on: parameters, errors, progress, paths, outputs, the runner."""
