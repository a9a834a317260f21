"""Rehearses a change on a private emulator: applies base, fills it with data, applies head, and looks what survived."""
