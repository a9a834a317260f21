"""Writes a new platform: the files that `orch init` starts one from."""
