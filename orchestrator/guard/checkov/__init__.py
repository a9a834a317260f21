"""Runs the checks of `policies/`, which are checkov checks, each policy in a process of its own."""
