"""Tells whether a resource refers to another one of the same plan, so that Terraform creates that one first.

A name alone proves nothing: the creation of what exists already fails, and what does not depend on it is applied
nevertheless. Only modules of this repository are followed; in a downloaded one, its own resources count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

from orchestrator.guard.plan.entries import module_names
from orchestrator.guard.policies.subject import RefersTo
from orchestrator.guard.policies.values import plain_name, value_at
from orchestrator.guard.rules.new_buckets import Modules
from orchestrator.guard.rules.sources import computed_parts, sources_of
from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.tree import Expression, Reference, walk
from orchestrator.terraform.model import ResourceChange

_MOST_STEPS = 500

_KNOWN_ROOTS = frozenset({"var", "local", "each", "count", "path", "terraform", "self"})
"""What is known before anything is made, unless it stands for something else; keys of ``for_each`` must be."""

_Calls = tuple[str, ...]
"""A module, by the names of the calls that lead to it."""

_Step = tuple[_Calls, Expression]
"""A module, and an expression in it."""


class _Place(NamedTuple):
    """A block of a resource, with all of its instances."""

    module: _Calls
    type: str
    name: str


def references_of(modules: Modules) -> RefersTo:
    """Return what tells whether the value of an attribute leads to a resource, at any depth.

    Args:
        modules: returns the blocks of a module, by the names of the calls that lead to it; None if it is not readable.
    """
    leads_to = cache(partial(_leads_to, modules))

    def refers(change: ResourceChange, attribute: str, owner: ResourceChange) -> bool:
        known = value_at(change.after, attribute) is not None
        return leads_to(_place(change), attribute, _place(owner), known=known)

    return refers


def _place(change: ResourceChange) -> _Place:
    return _Place(module_names(change.module_address), change.type, change.name)


def _leads_to(modules: Modules, here: _Place, attribute: str, owner: _Place, *, known: bool) -> bool:
    """Return whether an attribute leads to a resource.

    With a known value, ``depends_on`` is enough. One that is not known yet must be that of the resource, unchanged:
    what a function or a condition makes of it can be the name of another one.
    """
    calls, home = here.module, owner.module
    readable = next((end for end in range(len(calls), 0, -1) if modules(calls[:end]) is not None), 0)
    if readable < len(calls) or not calls:
        return home[: readable + 1] == calls[: readable + 1]
    block = _block(here, modules)
    if block is None or (calls == home and _provider(block) != _provider(_block(owner, modules))):
        return False  # Another region or account has another resource of this name.
    waiting = [(calls, each) for each in _starts(block, attribute, ordered=known)]
    loops = list(_loops(here, modules))
    seen: set[_Step] = set()
    found = False
    while waiting and len(seen) < _MOST_STEPS:
        module, expression = step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        if not known and any(_needs_resources((module, each), loops, modules) for each in computed_parts(expression)):
            return False
        for each in sources_of(expression):
            following = list(_following(module, each, attribute, modules))
            if _names(each, module, owner, modules):
                found = True
            elif not known and not following and _is_made(each, module, owner, modules):
                return False
            waiting += following
        if found and known:
            return True
    return found and (known or not waiting)


def _names(reference: Reference, module: _Calls, owner: _Place, modules: Modules) -> bool:
    """Return whether a reference is to a resource, or to a downloaded module that contains it."""
    name = str(reference.steps[0]) if reference.steps else ""
    if reference.root == "module":
        inside = (*module, name)
        return owner.module[: len(inside)] == inside and modules(inside) is None
    return (module, reference.root, name) == owner


def _loops(here: _Place, modules: Modules) -> Iterator[_Step]:
    """Yield what the block of a resource, and the calls that lead to it, loop over."""
    yield from ((here.module, each) for each in _value(_block(here, modules), "for_each"))
    for end in range(len(here.module), 0, -1):
        above = modules(here.module[: end - 1])
        call = above.named.get(("module", here.module[end - 1 : end])) if above is not None else None
        yield from ((here.module[: end - 1], each) for each in _value(call, "for_each"))


def _needs_resources(step: _Step, loops: Sequence[_Step], modules: Modules) -> bool:
    """Return whether an expression refers, at any depth, to what is not known before something is made."""
    waiting = [step]
    seen: set[_Step] = set()
    while waiting:
        place, current = step = waiting.pop()
        if step in seen:
            continue
        if len(seen) > _MOST_STEPS:
            return True
        seen.add(step)
        for each in (part for part in walk(current) if isinstance(part, Reference)):
            following = list(_following(place, each, "", modules))
            if each.root == "each" and each.steps[:1] != ("key",):
                following += loops
            if not following and each.root not in _KNOWN_ROOTS:
                return True
            waiting += following
    return False


def _is_made(reference: Reference, module: _Calls, owner: _Place, modules: Modules) -> bool:
    """Return whether a reference is to what another resource, a data source or a downloaded module gives."""
    declared, name = modules(module), str(reference.steps[0]) if reference.steps else ""
    if reference.root in {"data", "module"}:
        return True
    is_resource = declared is not None and ("resource", (reference.root, name)) in declared.named
    return is_resource and reference.root != owner.type  # a second one of this type that is not known is new, too


def _starts(block: Declaration, attribute: str, *, ordered: bool) -> Iterator[Expression]:
    for name in block.attributes:
        if plain_name(name) == plain_name(attribute) or (ordered and name == "depends_on"):
            yield from _value(block, name)


def _value(block: Declaration | None, name: str) -> Iterator[Expression]:
    """Yield an argument of a block, and what it loops over if the argument is a part of that."""
    found = block.attributes.get(name) if block is not None else None
    if block is None or found is None:
        return
    yield found.value
    if any(each.root == "each" for each in sources_of(found.value)) and "for_each" in block.attributes:
        yield block.attributes["for_each"].value


def _following(module: _Calls, reference: Reference, attribute: str, modules: Modules) -> Iterator[_Step]:
    """Yield what a local value, a variable or an output stands for.

    Another companion of the same resource stands for that resource: ``bucket = aws_s3_bucket_versioning.this.bucket``.
    """
    declared, (name, *more) = modules(module), reference.steps or ("",)
    if declared is None:
        return
    if reference.root == "local":
        if (found := declared.locals.get(str(name))) is not None:
            yield module, found.value
    elif reference.root == "var":
        above = modules(module[:-1])
        call = above.named.get(("module", module[-1:])) if above is not None else None
        yield from ((module[:-1], each) for each in _value(call, str(name)))
    elif reference.root == "module":
        inside = modules((*module, str(name)))
        for block in inside.of_type("output") if inside is not None else ():
            if not more or block.labels[0] == more[0]:
                yield from (((*module, str(name)), each) for each in _value(block, "value"))
    else:
        other = declared.named.get(("resource", (reference.root, str(name))))
        yield from ((module, each) for each in _value(other, attribute))


def _block(place: _Place, modules: Modules) -> Declaration | None:
    declared = modules(place.module)
    return declared.named.get(("resource", (place.type, place.name))) if declared is not None else None


def _provider(block: Declaration | None) -> str:
    found = block.attributes.get("provider") if block is not None else None
    return found.text if found is not None else ""
