"""Crack maps of whole walls: evidence, ridges, regions and pictures."""
