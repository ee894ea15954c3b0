"""What every stage needs: its runner, parameters, paths, errors, outputs."""
