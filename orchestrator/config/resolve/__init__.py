"""Resolves files into units: inheritance, merging, references, wiring."""
