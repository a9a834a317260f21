"""Renders each unit as a plain Terraform root: backend, providers, variables, module call, and the files they read.

A rendered root does not need orch: ``cd`` into it with the environment of ``orch credentials ACCOUNT`` and run
terraform. The same configuration and upstream values give the same bytes.
"""
