"""Reads plans as JSON."""
