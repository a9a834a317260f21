"""Tells whether a resource is in a bucket that the same plan creates, so that its name is not known yet.

Such a bucket is no state bucket: AWS refuses to create a bucket that exists. The configuration says which bucket it is.
Only references that pass a value on unchanged are followed, so that no function can make another name of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from orchestrator.guard.plan.entries import module_names
from orchestrator.guard.rules.vanished import BUCKET
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.terraform.model import Action, ResourceChange

Modules = Callable[[tuple[str, ...]], Declarations | None]
"""Returns the blocks of a module, by the names of the calls that lead to it; None if they cannot be read."""

_KEY = r'(?:\[[\w."-]+\])?'
_BUCKET = re.compile(rf"{BUCKET}\.([\w-]+){_KEY}\.(?:id|bucket)")
"""Other attributes are not the bucket's name, and some of them, such as ``bucket_prefix``, can be any text."""

_ALL = re.compile(rf"{BUCKET}\.([\w-]+)")
_EACH = re.compile(r"each\.value\.(?:id|bucket)")
_LOCAL = re.compile(r"local\.([\w-]+)")
_VARIABLE = re.compile(r"var\.([\w-]+)")
_OUTPUT = re.compile(rf"module\.([\w-]+){_KEY}\.([\w-]+)")
_WRAPPED = re.compile(r'"\$\{\s*([^{}"]+?)\s*\}"|\(\s*([^()]+?)\s*\)')
_MOST_STEPS = 20


def is_in_new_bucket(change: ResourceChange, changes: Sequence[ResourceChange], modules: Modules) -> bool:
    """Return whether the bucket of a resource is one that the plan creates.

    Args:
        change: a resource with the attribute ``bucket``.
        changes: every change of the plan.
        modules: see ``Modules``.
    """
    calls = module_names(change.module_address)
    declared = modules(calls)
    block = declared.named.get(("resource", (change.type, change.name))) if declared is not None else None
    named = _bucket_of(block, calls, modules) if block is not None else None
    if named is None:
        return False
    module, name = named
    instances = [
        each
        for each in changes
        if (each.type, each.name, module_names(each.module_address)) == (BUCKET, name, module) and not each.deposed
    ]
    return bool(instances) and all(each.action in {Action.CREATE, Action.REPLACE} for each in instances)


def _bucket_of(block: Declaration, calls: tuple[str, ...], modules: Modules) -> tuple[tuple[str, ...], str] | None:
    """Return module and name of the bucket that a block is in; None if it is not certain."""
    text = _text(block, "bucket")
    if _EACH.fullmatch(text):
        looped = _ALL.fullmatch(_text(block, "for_each"))
        return (calls, looped[1]) if looped else None
    for _ in range(_MOST_STEPS):
        if found := _BUCKET.fullmatch(text):
            return calls, found[1]
        following = _step(text, calls, modules)
        if following is None:
            return None
        calls, text = following
    return None


def _step(text: str, calls: tuple[str, ...], modules: Modules) -> tuple[tuple[str, ...], str] | None:
    """Return what a local value, a variable or an output stands for, with the module that says so."""
    if (found := _LOCAL.fullmatch(text)) and (declared := modules(calls)) is not None:
        value = declared.locals.get(found[1])
        return (calls, _unwrapped(value.text)) if value is not None else None
    if (found := _VARIABLE.fullmatch(text)) and (declared := modules(calls[:-1])) is not None:
        call = declared.named.get(("module", calls[-1:]))
        return (calls[:-1], _text(call, found[1])) if call is not None else None
    if (found := _OUTPUT.fullmatch(text)) and (declared := modules((*calls, found[1]))) is not None:
        output = declared.named.get(("output", (found[2],)))
        return ((*calls, found[1]), _text(output, "value")) if output is not None else None
    return None


def _text(block: Declaration, name: str) -> str:
    attribute = block.attributes.get(name)
    return _unwrapped(attribute.text) if attribute is not None else ""


def _unwrapped(text: str) -> str:
    """Return an expression without parentheses, or text that is only an interpolation without its quotes."""
    text = text.strip()
    while found := _WRAPPED.fullmatch(text):
        text = found[1] or found[2]
    return text
