"""Numbers with their nouns and verbs: the one place that tells one thing from several."""

from __future__ import annotations


def plural(number: int, noun: str, several: str = "") -> str:
    """Return a number with its noun: ``1 unit``, ``2 units``, ``1,284 users``.

    Args:
        number: how many.
        noun: the noun for one; its last word gets an ``s`` for any other number.
        several: the noun for any other number, if that is not its form.
    """
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def agreeing(number: int, one: str, several: str) -> str:
    """Return the verb that agrees with a number of things: ``is`` or ``are``."""
    return one if number == 1 else several
