"""Photographs cut into patches to label."""
