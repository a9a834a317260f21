"""Validates ``policies/protected.yaml``; the header of the file explains the keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from orchestrator.config.yaml.reader import parse_optional_yaml
from orchestrator.config.yaml.validation import to_plain, validation_problems
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.policies.protected_types import Loss, ProtectedType
from orchestrator.guard.policies.safeguards import Meaning
from orchestrator.guard.policies.shapes import Shape

_Value = StrictBool | StrictInt | StrictStr
_KINDS = ("keep", "never", "no_less", "no_fewer", "no_new")
_STEP = r"[A-Za-z][A-Za-z0-9_]*(\[[A-Za-z][A-Za-z0-9_]*\])?"
_Path = Annotated[str, StringConstraints(strict=True, pattern=rf"^{_STEP}(\.{_STEP})*$")]
_Word = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
_Sentence = Annotated[str, StringConstraints(strict=True, min_length=3, pattern=r"^[^\n]*[^.\n]$")]
_CloudFormation = Annotated[str, StringConstraints(strict=True, pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$")]
_Property = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Za-z0-9]*$")]
_Api = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$")]


def _several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


_Values = Annotated[tuple[_Value, ...], BeforeValidator(_several)]


class _Model(BaseModel):
    """The keys of a record, each with what is allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Safeguard(_Model):
    keep: _Values | None = None
    never: _Values | None = None
    no_less: _Word | None = None
    no_fewer: _Word | None = None
    no_new: Shape | None = None
    means: Meaning | None = None
    zero: Literal["forever"] | None = None
    default: _Value | None = None
    cloudformation: _Path | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Safeguard:
        if sum(getattr(self, each) is not None for each in _KINDS) != 1:
            kind, message = "kind", f"needs exactly one of {', '.join(_KINDS)}"
            raise PydanticCustomError(kind, message)
        return self


class _Protection(_Model):
    attribute: _Name
    value: _Value


class _TemplateType(_Model):
    type: _CloudFormation
    of: _Property


class _Companion(_Model):
    of: _Name | _Property
    attributes: dict[_Path, _Safeguard] = Field(default_factory=dict)
    required: StrictBool = False
    cloudformation: _TemplateType | None = None


class _ProtectedType(_Model):
    lost: _Sentence
    severity: Loss
    protection: _Protection | None = None
    attributes: dict[_Path, _Safeguard] = Field(default_factory=dict)
    properties: dict[_Path, _Safeguard] = Field(default_factory=dict)
    companions: dict[_Name, _Companion] = Field(default_factory=dict)
    replaced_by: dict[_Name, Literal["any", "removal"]] = Field(default_factory=dict)
    when: dict[_Path, _Value] = Field(default_factory=dict)
    replaceable: StrictBool = False
    kept_by: dict[_Path, _Value] = Field(default_factory=dict)
    delete_apis: tuple[_Api, ...]
    cloudformation: tuple[_CloudFormation, ...] = ()


_FILE: TypeAdapter[dict[str, _ProtectedType]] = TypeAdapter(dict[_Name, _ProtectedType])
_SAID = {
    "string_pattern_mismatch": "is invalid (types, attributes: a-z 0-9 _; APIs: service:Action; `lost`: no period)",
}


@lru_cache(maxsize=8)  # The list of a commit and that of the working tree are mostly the same.
def read_types(data: bytes, shown_as: str) -> Mapping[str, ProtectedType]:
    """Return the entries of the list, which nobody may change.

    Args:
        data: the content of the file.
        shown_as: its name in error messages.

    Raises:
        CatalogueError: it is empty or not YAML, or an entry is invalid; with file and line.
    """
    tree = parse_optional_yaml(data, shown_as)
    if tree is None or tree.kind is not YamlKind.MAP or not tree.value:
        what = "the list of protected resources is empty"
        hint = "add at least one type, e.g. aws_cognito_user_pool, with `lost` and `delete_apis`"
        raise CatalogueError([Problem(Location(shown_as, 1), what, hint)])
    try:
        found = _FILE.validate_python(to_plain(tree))
    except PydanticError as error:
        known = _ProtectedType.model_fields
        raise CatalogueError(validation_problems(error, tree, words=_SAID, known=known)) from error
    return {kind: ProtectedType.of_data(entry.model_dump(exclude_unset=True)) for kind, entry in found.items()}
