"""The files that stages hand on: labels, tables, row files."""
