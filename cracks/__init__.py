"""Crack or no crack: transfer learning on photographs of concrete, reproducible to the byte."""
