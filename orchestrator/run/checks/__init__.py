"""Checks made before a run starts."""
