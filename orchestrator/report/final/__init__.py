"""Renders a finished run."""
