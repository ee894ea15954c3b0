"""Engines that compute features: one module for each, one registry."""
