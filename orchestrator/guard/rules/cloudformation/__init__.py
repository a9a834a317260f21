"""Compares CloudFormation templates: what the update of a stack would lose."""
