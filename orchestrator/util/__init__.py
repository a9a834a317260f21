"""Helpers that know nothing about orch: files, git, memoization, spelling suggestions."""
