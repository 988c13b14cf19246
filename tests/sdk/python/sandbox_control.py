"""The sandbox's own endpoints, as the tests need them: time and 3-D Secure."""

import json
import urllib.request

from conftest import URL


def post(path, **members):
    request = urllib.request.Request(
        f"{URL}/sandbox/{path}",
        data=json.dumps(members).encode(),
        headers={"content-type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def advance(seconds):
    """Lets time pass for the whole sandbox, so that what is due happens."""
    return post("clock/advance", seconds=seconds)


def authenticate(kind, intent_id, outcome):
    return post(f"{kind}/{intent_id}/authenticate", outcome=outcome)


def event_types(client, start=0):
    """The types of an account's events, oldest first, after so many of them.

    Without the settling of charges, which every next request brings about."""
    events = client.v1.events.list(params={"limit": 100}).data
    types = [event.type for event in reversed(events)]
    return [kind for kind in types if kind != "charge.updated"][start:]
