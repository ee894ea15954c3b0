"""Metrics, statistics, predictions, plots and the verdict."""
