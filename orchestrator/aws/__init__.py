"""boto3: identities, credentials per phase, state buckets, published outputs."""
