"""The only door to the terraform binary: commands, processes, plans, state files, providers."""
