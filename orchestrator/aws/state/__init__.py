"""State buckets: state objects, locks, published outputs, version history and the ledger of units."""
