"""A thread-safe cache that computes the value of each key once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class OnceMap(Generic[K, V]):
    """A thread-safe cache. An error reaches every thread that waits for the key; the next ``get`` tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[K, Future[V]] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key; wait if another thread is computing it.

        Args:
            key: the key.
            make: computes the value; one thread at a time calls it for each key.

        Returns:
            The value.

        Raises:
            Exception: what ``make`` raised, in every thread that waited for it.
        """
        with self._lock:
            future = self._futures.get(key)
            mine = future is None
            if future is None:
                future = self._futures[key] = Future()
        if mine:
            self._make(key, future, make)
        return future.result()

    def forget(self, key: K) -> None:
        """Drop the value, so that the next ``get`` computes it again; threads that already wait get the current one."""
        with self._lock:
            self._futures.pop(key, None)

    def _make(self, key: K, future: Future[V], make: Callable[[], V]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:  # noqa: BLE001 - every waiting thread gets it
            with self._lock:
                if self._futures.get(key) is future:
                    del self._futures[key]
            future.set_exception(error)
