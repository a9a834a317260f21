"""Disposable stages: which ones are, what the ledger records of them, and switching off their protection."""
