"""Access to AWS through botocore: credentials and roles, state buckets, backups, and readable errors."""
