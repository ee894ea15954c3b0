"""Trained classifiers on new photographs."""
