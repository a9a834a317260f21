"""Reads YAML with source positions."""
