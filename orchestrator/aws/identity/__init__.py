"""Roles, sessions and credentials, and how child processes and shells receive them."""
