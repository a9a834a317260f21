"""The child process that owns the provider processes. Only this package imports gRPC."""
