"""What computes features: one module an engine, one registry."""
