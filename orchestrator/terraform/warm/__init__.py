"""Keeps provider processes running between Terraform commands, and serves them only the schemas a unit needs.

`client` is what orch's own process uses; `server` is the child process that owns the providers. docs/warm.md explains
the rules that keep a warm run equal to a cold one.
"""
