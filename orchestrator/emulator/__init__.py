"""The embedded AWS for trials and tests: moto's server in a separate process, corrected where it differs from AWS.

It is an optional extra: only starting it needs moto, which ``orch[emulator]`` installs.
"""
