"""Which worker an account prefers: the same while workers come and go, and none that is full while one is free."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.run.executor.placement import choose_worker, ranked

accounts = st.text(min_size=1, max_size=8)
clusters = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 4), min_size=1, max_size=6)


@given(accounts, clusters)
def test_the_units_of_an_account_prefer_one_worker(account: str, workers: dict[str, int]) -> None:
    assert choose_worker(account, workers, {}) == ranked(account, workers)[0]


@given(accounts, clusters, st.text(min_size=1, max_size=8))
def test_a_worker_that_joins_takes_only_accounts_that_prefer_it(
    account: str, workers: dict[str, int], new: str
) -> None:
    before, after = ranked(account, workers), ranked(account, {**workers, new: 1})
    assert [each for each in after if each != new] == [each for each in before if each != new]


@given(accounts, clusters, st.data())
def test_a_full_worker_gets_nothing_while_another_is_free(
    account: str, workers: dict[str, int], data: st.DataObject
) -> None:
    busy = {worker: data.draw(st.integers(0, slots)) for worker, slots in workers.items()}
    chosen = choose_worker(account, workers, busy)
    assert chosen is not None
    if any(busy[worker] < slots for worker, slots in workers.items()):
        assert busy[chosen] < workers[chosen]


def test_accounts_spread_over_the_workers() -> None:
    workers = dict.fromkeys(("a", "b", "c", "d"), 1)
    counts = dict.fromkeys(workers, 0)
    for number in range(400):
        counts[ranked(f"account-{number}", workers)[0]] += 1
    assert min(counts.values()) > 60


def test_without_workers_there_is_no_preference() -> None:
    assert choose_worker("main", {}, {}) is None
