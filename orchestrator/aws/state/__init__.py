"""State buckets: objects, locks, outputs, version history and the ledger of units."""
