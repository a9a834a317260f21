"""Which values a new platform can be made from."""

from __future__ import annotations

import pytest

from orchestrator.errors import UsageError
from orchestrator.scaffold.answers import Answers

ACCOUNTS = [("production", "111111111111"), ("development", "222222222222")]


def answers(**changed: object) -> Answers:
    given: dict[str, object] = {
        "name": "acme",
        "region": "eu-west-1",
        "management": "999999999999",
        "accounts": ACCOUNTS,
    }
    return Answers.of(**{**given, **changed})  # type: ignore[arg-type]  # wrong values are what is tried


def test_the_first_account_is_restricted_and_the_second_open() -> None:
    more = answers(accounts=[*ACCOUNTS, ("audit", "333333333333")])
    assert [(each.name, each.restricted) for each in more.accounts] == [
        ("production", True),
        ("development", False),
        ("audit", True),
    ]
    assert more.development.name == "development"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"name": "Acme"}, "invalid value 'Acme'"),
        ({"name": "a\n"}, "invalid value"),
        ({"name": 'a"\nroles: {plan: x}\n#'}, "invalid value"),
        ({"name": "${{ account }}"}, "invalid value"),
        ({"region": "europe"}, "invalid value 'europe'"),
        ({"management": "1234"}, "invalid value '1234'"),
        ({"management": "١٢٣٤٥٦٧٨٩٠١٢"}, "invalid value"),
        ({"accounts": ACCOUNTS[:1]}, "at least two accounts"),
        ({"accounts": [ACCOUNTS[0], ("../development", "222222222222")]}, "invalid value '../development'"),
        ({"accounts": [ACCOUNTS[0], ("production", "222222222222")]}, "'production' is given twice"),
        ({"accounts": [ACCOUNTS[0], ("development", "111111111111")]}, "111111111111 is given twice"),
        ({"accounts": [ACCOUNTS[0], ("dev", "222222222222")]}, "the name of the first stage"),
    ],
)
def test_what_live_would_refuse_is_refused_before_anything_is_written(changed: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError) as caught:
        answers(**changed)
    assert what in caught.value.what
