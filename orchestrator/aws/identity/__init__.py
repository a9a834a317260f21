"""Roles, sessions and credentials."""
