"""Reads a user pool that exists, as inputs of the module ``user_pool``. Changes nothing."""
