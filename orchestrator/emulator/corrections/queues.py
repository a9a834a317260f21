"""Correct SQS's GetQueueAttributes and SetQueueAttributes.

- GetQueueAttributes returns ``RedrivePolicy`` as JSON without spaces, and returns ``RedriveAllowPolicy``. With moto's
  spaces, Terraform plans to write the policy again every time.
- SetQueueAttributes keeps a queue's ``Policy`` if the request has none. moto removes it.
"""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue


def correct_queues() -> None:
    """Replace moto's methods."""
    _correct_reading()
    _correct_writing()


def _correct_reading() -> None:
    original = Queue.attributes.fget

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        if self.redrive_policy:
            found["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        allowed = getattr(self, "redrive_allow_policy", "")  # moto stores unknown attributes under their names
        return {**found, "RedriveAllowPolicy": allowed} if allowed else found

    Queue.attributes = property(attributes)


def _correct_writing() -> None:
    original = Queue._set_attributes  # noqa: SLF001  # all attributes pass through here

    def written(self: Any, attributes: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        had = getattr(self, "_policy_json", None)
        original(self, attributes, *args, **kwargs)
        if had and attributes.get("Policy") is None:
            self.policy = json.dumps(had)

    Queue._set_attributes = written  # noqa: SLF001  # see above
