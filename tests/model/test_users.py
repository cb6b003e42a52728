import pytest

from archive_server.errors import Forbidden
from archive_server.model.users import Caller, Role


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_a_role_includes_those_before_it(role, needed):
    caller = Caller(1, "somebody", role)
    order = list(Role)
    if order.index(role) >= order.index(needed):
        caller.must_be(needed)
    else:
        with pytest.raises(Forbidden, match=f"needs a {needed}"):
            caller.must_be(needed)
