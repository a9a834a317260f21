"""One unit -> a plain Terraform root: backend, provider, variables, module call."""
