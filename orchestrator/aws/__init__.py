"""Access to AWS through boto3: credentials and roles, state buckets, backups, and readable errors."""
