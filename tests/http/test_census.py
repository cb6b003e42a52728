"""Who counts how many connections."""

from archive_server.http.limits import Census, Limits


def test_a_network_of_ipv6_counts_as_one_address():
    census = Census(Limits(connections_per_address=2))
    came = ("2001:db8::1", "2001:db8::2")
    for host in came:
        assert census.has_room(host, is_proxy=False, at=0)
        census.enter(host)
    assert not census.has_room("2001:db8::3", is_proxy=False, at=0)
    assert census.has_room("2001:db8:0:1::3", is_proxy=False, at=0)
    assert census.has_room("2001:db8::3", is_proxy=True, at=0)
    census.leave(came[0])
    assert census.has_room("2001:db8::3", is_proxy=False, at=0)
