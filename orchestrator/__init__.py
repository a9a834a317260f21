"""orch: Terraform across many AWS accounts, in dependency order, behind a guard."""

__version__ = "0.1.0"
