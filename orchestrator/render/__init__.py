"""One unit in, one plain Terraform root out: backend, provider, variables, module call, and the files they read.

A rendered root needs no orch: ``cd`` into it with the environment of ``orch credentials ACCOUNT`` and run terraform.
The same catalogue and the same upstream values give the same bytes.
"""
