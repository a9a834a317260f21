"""Renders plan values: redaction, diffs, changes."""
