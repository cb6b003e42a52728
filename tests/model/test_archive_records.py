"""Records of archives that cannot be true are refused."""

import json

import pytest

from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.record_fields import BadRecord

TIME = "2026-11-21T06:00:00+00:00"
GROUP = {"number": 1, "name": "a", "includes": None, "users": [], "groups": []}
USER = {"number": 1, "login": "root", "password_hash": "x", "role": "admin", "created_at": TIME}
RULE = {"user": "root", "group": None, "action": "read", "allows": True, "home": None}
GOOD = {
    "format": 1,
    "kind": "archive",
    "store_id": "x",
    "last_event": 0,
    "users": [USER],
    "tokens": [],
    "groups": [GROUP],
    "classes": [],
    "rules": [],
    "preferences": [],
}


def test_a_good_one_is_read():
    record = ArchiveRecord.parse(json.dumps(GOOD))
    assert [user.login for user in record.users] == ["root"]
    assert "password_hash" not in repr(record)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"users": [USER, USER]}, "two are alike"),
        ({"users": [USER, USER | {"login": "other"}]}, "two are alike"),
        ({"users": [USER | {"login": ""}]}, "1 to 255"),
        ({"users": [USER | {"role": "king"}]}, "king"),
        ({"groups": [GROUP | {"users": ["nobody"]}]}, "nobody"),
        ({"groups": [GROUP | {"includes": "nobody"}]}, "includes"),
        ({"groups": [GROUP | {"groups": ["a"]}]}, "in itself"),
        (
            {
                "groups": [
                    GROUP | {"groups": ["b"]},
                    GROUP | {"number": 2, "name": "b", "groups": ["a"]},
                ]
            },
            "in itself",
        ),
        ({"rules": [RULE | {"class": "none"}]}, "none"),
        ({"rules": [RULE | {"user": "nobody", "class": None}]}, "nobody"),
        ({"preferences": [{"user": None, "group": "b", "key": "k", "value": "v"}]}, "b"),
        ({"format": 2}, "format 2"),
        ({"kind": "item"}, "no record"),
    ],
)
def test_what_names_nobody_or_two_alike_is_refused(changed, why):
    with pytest.raises(BadRecord, match=why):
        ArchiveRecord.parse(json.dumps(GOOD | changed))
