"""The descriptions of services that all tests of a process share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import JSONFileLoader

from tests.support.descriptions import keep_descriptions


@pytest.fixture
def kept() -> Iterator[None]:
    before = vars(JSONFileLoader)["load_file"]
    keep_descriptions()
    yield
    JSONFileLoader.load_file = before  # type: ignore[method-assign]


@pytest.mark.usefixtures("kept")
def test_what_a_client_changes_in_its_description_is_its_own() -> None:
    session = botocore.session.Session()
    client: Any = session.create_client(
        "s3",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="-",
        aws_secret_access_key="-",
        config=Config(retries={"max_attempts": 0}),
    )
    with pytest.raises(EndpointConnectionError):
        client.list_objects_v2(Bucket="a")
    assert client.meta.service_model.operation_model("ListObjectsV2").http["requestUri"] == "?list-type=2"
    read = botocore.session.Session().get_service_model("s3")
    assert read.operation_model("ListObjectsV2").http["requestUri"] == "/{Bucket}?list-type=2"
