"""Reads, edits and locks local state files."""
