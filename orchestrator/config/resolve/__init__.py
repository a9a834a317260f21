"""Resolves the units of `live/`: binds references to outputs and checks inputs against the modules."""
