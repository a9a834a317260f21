"""Typer: parse, call, print, exit."""
