"""A client that waits for a message does not block the others, and receives the message that they send meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.emulator import Account

pytestmark = pytest.mark.integration


def test_a_long_poll_lets_others_go_first_and_ends_with_what_they_send(account: Account) -> None:
    waiter, sender = account.client("sqs"), account.client("sqs")
    url = waiter.create_queue(QueueName="waited-for")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        asked = time.monotonic()
        waiting = pool.submit(waiter.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        time.sleep(0.5)  # so that it is already waiting; the test would also be valid otherwise
        sender.send_message(QueueUrl=url, MessageBody="task")
        (message,) = waiting.result()["Messages"]
    assert message["Body"] == "task"
    assert time.monotonic() - asked < 10


def test_an_empty_queue_answers_when_the_time_is_over(account: Account) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    asked = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert 1 <= time.monotonic() - asked < 10
    assert sqs.list_queues()["QueueUrls"], "whose turn it is was given back"
