"""YAML -> accounts, stages, stacks -> units -> graph. Reads files, nothing else."""
