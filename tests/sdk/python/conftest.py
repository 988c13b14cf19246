"""Points the official Python SDK at a running sandbox (STRIPE_SANDBOX_URL)."""

import os
import uuid

import pytest
import stripe

URL = os.environ.get("STRIPE_SANDBOX_URL", "http://127.0.0.1:12111")


def new_client(**options):
    """A client with an account of its own: every secret key is one."""
    return stripe.StripeClient(
        f"sk_test_{uuid.uuid4().hex}",
        base_addresses={"api": URL, "connect": URL, "files": URL, "meter_events": URL},
        max_network_retries=0,
        **options,
    )


@pytest.fixture
def client():
    return new_client()


@pytest.fixture
def url():
    return URL
