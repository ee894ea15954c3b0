"""What every stage needs: parameters, paths, errors, outputs."""
