"""Moves and adopts states."""
