"""Loads and validates `live/`: accounts, stages, stacks, units and their dependency graph."""
