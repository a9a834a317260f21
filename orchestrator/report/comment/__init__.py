"""The comment of a pull request and its check, from run records: one for each stage."""
