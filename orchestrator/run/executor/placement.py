"""Which worker a unit should go to: the units of one account to one worker, as long as it has a free slot."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def ranked(account: str, workers: Mapping[str, int]) -> list[str]:
    """Return the workers in the order in which an account prefers them (rendezvous hashing).

    When a worker joins or leaves, only the accounts that prefer it move.

    Args:
        account: name of the account.
        workers: worker -> its slots.
    """
    return sorted(workers, key=lambda worker: hashlib.sha256(f"{account}\0{worker}".encode()).digest())


def choose_worker(account: str, workers: Mapping[str, int], busy: Mapping[str, int]) -> str | None:
    """Return the first worker that an account prefers and that has a free slot; the first of all when none has.

    Args:
        account: name of the account.
        workers: worker -> its slots.
        busy: worker -> the steps that work on it now.

    Returns:
        None when there is no worker.
    """
    order = ranked(account, workers)
    free = (worker for worker in order if busy.get(worker, 0) < workers[worker])
    return next(free, order[0] if order else None)
