"""A value for each key, made once: whoever comes while it is being made waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Once(Generic[K, V]):
    """A thread-safe cache. Failures are told to all who waited and then forgotten, so that the next one tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[K, Future[V]] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key.

        Args:
            key: what is wanted.
            make: makes the value; called by one thread at a time for each key.

        Returns:
            the value.

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
        """Make the value anew the next time; those who wait for the present one still get that."""
        with self._lock:
            self._futures.pop(key, None)

    def _make(self, key: K, future: Future[V], make: Callable[[], V]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits, whatever it is
            with self._lock:
                if self._futures.get(key) is future:
                    del self._futures[key]
            future.set_exception(error)
