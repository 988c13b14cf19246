"""Points an older official Python SDK, in its module style, at a running sandbox (STRIPE_SANDBOX_URL).

The suite runs twice: under the last SDK of 2023-10-16 and under the last of acacia.
"""

import os
import uuid

import pytest
import stripe as module

URL = os.environ.get("STRIPE_SANDBOX_URL", "http://127.0.0.1:12111")

module.api_base = module.connect_api_base = module.upload_api_base = URL
module.max_network_retries = 0


@pytest.fixture
def stripe():
    """The module with an account of its own: every secret key is one."""
    module.api_key = f"sk_test_{uuid.uuid4().hex}"
    return module


@pytest.fixture
def url():
    return URL


@pytest.fixture
def is_2023():
    """Whether the SDK speaks 2023-10-16; else it speaks 2025-02-24.acacia."""
    return module.VERSION.startswith("7.")
