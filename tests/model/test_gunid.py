import re
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadRequest
from archive_server.model.gunid import Gunid, IdStyle


@given(st.integers(0, 2**128 - 1))
def test_an_id_is_read_back_from_its_canonical_form(number):
    gunid = Gunid(UUID(int=number))
    assert Gunid.parse(str(gunid)) == gunid
    assert Gunid.parse(str(gunid).upper()) == gunid


@given(st.integers(0, 2**64 - 1))
def test_a_classic_id_has_sixteen_lower_case_digits(number):
    assert str(Gunid(UUID(int=number))) == f"{number:016x}"


def test_both_spellings_of_a_classic_id_are_the_same_id():
    assert Gunid.parse("00000000-0000-0000-1234-56789abcdef1") == Gunid.parse("123456789ABCDEF1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "123456789abcdef",
        "123456789abcdef12",
        "123456789abcdefg",
        "../../etc/passwd",
        " 123456789abcdef1",
        "123456789abcdef1\n",
        "१२३४५६७८९abcdef1",
        "00000000000000001234567890abcdef",
        "{0190163d-8694-739b-aea5-966c26f8ad91}",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(BadRequest):
        Gunid.parse(text)


def test_new_ids_are_uuids_of_version_7_that_tell_their_time():
    before = time.time_ns() // 1_000_000
    new = Gunid.new(IdStyle.UUID7)
    after = time.time_ns() // 1_000_000
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", str(new)
    )
    assert before <= new.uuid.int >> 80 <= after


def test_new_classic_ids_fit_a_signed_integer_of_64_bits():
    ids = {Gunid.new(IdStyle.LIVESUPPORT) for _ in range(1000)}
    assert len(ids) == 1000
    assert all(0 < each.uuid.int < 2**63 for each in ids)
