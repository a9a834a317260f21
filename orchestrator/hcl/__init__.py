"""Reads Terraform configuration into a syntax tree with source positions. Evaluates nothing."""
