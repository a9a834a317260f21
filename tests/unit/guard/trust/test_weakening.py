"""How a change weakens the policies that judge it, and which changes are allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.guard.trust.weakening import weakenings

LIST = """\
# the list
aws_a:
  lost: everything in it
  protection: {attribute: deletion_protection, value: true}
  attributes:
    skip_final_snapshot: {never: true}
    days: {never: 0}
  replaced_by: {schema: removal, name: any}
  companions:
    aws_a_versioning: {of: a, required: true, attributes: {status: {keep: Enabled}}}
  severity: data
  delete_apis: [a:DeleteA, a:DeleteAll]
  cloudformation: [AWS::A::A]
aws_b:
  lost: everything in it
  severity: history
  delete_apis: [b:DeleteB]
"""
CHECK = "# a check\nx = 1\n"
BEFORE = {
    "policies/protected.yaml": LIST.encode(),
    "policies/owners.yaml": b"anna: [anna@example.com, anna@home.example]\ncarl: [carl@example.com]\n",
    "policies/waivers.yaml": b"[]\n",
    "policies/protected/check.py": CHECK.encode(),
    "policies/protected/pass.json": b'{"a": 1}',
    "policies/protected/fail.json": b'{"a": 2}',
    "policies/protected/data.txt": b"a\n",
    "policies/other/check.py": b"y = 1\n",
    "policies/README.md": b"words\n",
    "policies/sources.yaml": b"allowed: [a]\n",
    "live/orch.yaml": b'format: 1\norch: "~=0.1"\nname: x\n',
    "constraints.txt": b"boto3==1\norch==0.1.3\n",
}


def changed(file: str, edit: Callable[[str], str | None]) -> dict[str, bytes]:
    text = edit(BEFORE[file].decode() if file in BEFORE else "")
    rest = {name: data for name, data in BEFORE.items() if name != file}
    return rest if text is None else {**rest, file: text.encode()}


def swap(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def gone(_: str) -> None:
    return None


@pytest.mark.parametrize(
    ("file", "edit", "where", "what"),
    [
        ("policies/protected.yaml", swap(LIST[LIST.index("aws_b") :], ""), ":14:1", "aws_b would no longer be protected"),
        ("policies/protected.yaml", swap("  protection: {attribute: deletion_protection, value: true}\n", ""),
         ":2:1", "aws_a: protection"),
        ("policies/protected.yaml", swap("value: true}", "value: false}"), ":4:3", "aws_a: protection"),
        ("policies/protected.yaml", swap("    days: {never: 0}\n", ""), ":5:3", "attributes: days"),
        ("policies/protected.yaml", swap("never: 0", "never: 1"), ":7:5", "attributes: days"),
        ("policies/protected.yaml", swap("schema: removal, ", ""), ":8:3", "replaced_by: schema"),
        ("policies/protected.yaml", swap("name: any", "name: removal"), ":8:34", "replaced_by: name"),
        ("policies/protected.yaml", swap("keep: Enabled", "keep: Suspended"), ":10:60", "aws_a_versioning: attributes: status"),
        ("policies/protected.yaml", swap("required: true, ", ""), ":10:5", "aws_a_versioning: required"),
        ("policies/protected.yaml", swap("severity: data", "severity: history"), ":11:3", "from data to history"),
        ("policies/protected.yaml", swap("severity: data", "when: {type: x}\n  severity: data"), ":11:10", "type would be added"),
        ("policies/protected.yaml", swap("severity: data", "replaceable: true\n  severity: data"), ":11:3", "be replaced"),
        (
            "policies/protected.yaml",
            swap("severity: data", "kept_by: {skip_destroy: true}\n  severity: data"),
            ":11:13",
            "kept_by: skip_destroy would be added",
        ),
        ("policies/protected.yaml", swap(", a:DeleteAll", ""), ":12:3", "delete_apis: a:DeleteAll would be removed"),
        ("policies/protected.yaml", swap("AWS::A::A", "AWS::A::B"), ":13:3", "cloudformation: AWS::A::A would be removed"),
        ("policies/protected.yaml", gone, "", "the list of protected resources would be removed"),
        ("policies/protected.yaml", swap("aws_a:", "aws_a"), "", "the new list is invalid"),
        ("policies/protected.yaml", lambda _: "", ":1", "the new list is invalid"),
        ("policies/protected/check.py", swap("x = 1", "x = 2"), ":2", "the check would change"),
        ("policies/protected/check.py", lambda text: f"{text}x = 2\n", ":3", "the check would change"),
        ("policies/protected/check.py", swap("x = 1", "x ="), ":2", "the check would change"),
        ("policies/protected/fail.json", gone, "", "the test case would be removed"),
        ("policies/protected/fail.json", swap("2", "1"), ":1", "the test case would change"),
        ("policies/protected/data.txt", swap("a", "b"), ":1", "the file would change"),
        ("policies/other/check.py", gone, "", "the policy other would be removed"),
        ("policies/sources.yaml", swap("[a]", "[a, evil]"), ":1", "the file would change"),
        ("policies/owners.yaml", lambda text: f"{text}mallory: [m@example.com]\n", ":3:1", "mallory would become an owner"),
        ("policies/owners.yaml", swap(", anna@home.example", ""), ":1:1", "addresses of anna would change"),
        ("policies/owners.yaml", swap("carl@", "mallory@"), ":2:1", "addresses of carl would change"),
        ("policies/owners.yaml", lambda _: "[", "", "the new owners are invalid"),
        ("live/orch.yaml", swap("~=0.1", ">=0.0.1"), ":2:1", "from ~=0.1 to >=0.0.1"),
        ("live/orch.yaml", swap("~=0.1", ">=0.1"), ":2:1", "from ~=0.1 to >=0.1"),
        ("live/orch.yaml", swap('orch: "~=0.1"\n', ""), "", "no longer be pinned to ~=0.1"),
        ("live/orch.yaml", lambda _: "a: [", "", "no longer be pinned to ~=0.1"),
        ("constraints.txt", swap("orch==0.1.3", "orch==0.1.2"), ":2", "from ==0.1.3 to ==0.1.2"),
        ("constraints.txt", swap("orch==0.1.3", "orch @ https://example.com/orch.zip"), ":2", "to @ https://example"),
        ("constraints.txt", swap("orch==0.1.3\n", ""), "", "no longer be pinned to ==0.1.3"),
        ("constraints.txt", gone, "", "no longer be pinned to ==0.1.3"),
    ],
)  # fmt: skip
def test_a_weakening_is_reported_with_its_location(
    file: str, edit: Callable[[str], str | None], where: str, what: str
) -> None:
    (found,) = weakenings(BEFORE, changed(file, edit))
    assert what in found.what
    place = "policies/other/check.py" if file.startswith("policies/other") else file
    assert str(found.where).startswith(place)
    if where:
        assert str(found.where) == f"{place}{where}"


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        (
            "policies/protected.yaml",
            lambda text: f"{text}aws_c:\n  lost: all of it\n  severity: data\n  delete_apis: [c:DeleteC]\n",
        ),
        ("policies/protected.yaml", swap("days: {never: 0}", "days: {never: 0}\n    more: {never: false}")),
        ("policies/protected.yaml", swap("schema: removal", "schema: any")),
        ("policies/protected.yaml", swap("[b:DeleteB]", "[b:DeleteB, b:Wipe]\n  protection: {attribute: a, value: 1}")),
        ("policies/protected.yaml", swap("severity: history", "severity: identity")),
        ("policies/protected.yaml", swap("everything in it", "every thing in it")),
        ("policies/protected.yaml", swap("# the list\n", "# the list\n\n")),
        ("policies/protected.yaml", lambda text: text.replace("\n", "\r\n")),
        ("policies/protected/check.py", swap("# a check", "# the check")),
        ("policies/protected/check.py", lambda text: text.replace("\n", "\r\n")),
        ("policies/protected/fail.json", lambda _: '{\n  "a": 2\n}\n'),
        ("policies/protected/fail_more.json", lambda _: "{}"),
        ("policies/third/check.py", lambda _: "z = 1"),
        ("policies/waivers.yaml", lambda _: "- id: x"),
        ("policies/waivers.yaml", gone),
        ("policies/README.md", gone),
        ("policies/owners.yaml", swap("carl: [carl@example.com]\n", "")),
        ("policies/owners.yaml", swap("anna@example.com", "Anna@example.com")),
        ("policies/owners.yaml", gone),
        ("live/orch.yaml", swap("name: x", "name: other")),
        ("live/orch.yaml", swap("~=0.1", "~=0.1.4")),
        ("constraints.txt", swap("0.1.3", "0.1.4")),
        ("constraints.txt", swap("boto3==1", "boto3==2")),
        ("requirements.txt", lambda _: "orch==0.1.3"),
    ],
)
def test_strengthening_has_no_finding(file: str, edit: Callable[[str], str | None]) -> None:
    assert weakenings(BEFORE, changed(file, edit)) == ()


def test_every_removed_file_is_reported() -> None:
    subjects = {each.subject for each in weakenings(BEFORE, {})}
    assert {"policies/protected", "policies/other", "policies/protected.yaml", "live/orch.yaml: orch"} <= subjects


def test_the_repository_s_own_list_without_a_type_is_weaker() -> None:
    name = "policies/protected.yaml"
    whole = (Path(__file__).parents[4] / name).read_text()
    start = whole.index("aws_cognito_user_pool:")
    less = whole[:start] + whole[whole.index("aws_cognito_user_pool_domain:") :]
    (found,) = weakenings({name: whole.encode()}, {name: less.encode()})
    assert found.subject == "aws_cognito_user_pool"
    assert found.where.line == whole[:start].count("\n") + 1
