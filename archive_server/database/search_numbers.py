"""Parts of numbers as SQL: pure.

The index of trigrams has a list for each of them. Those of the letters that numbers begin with are
as long as the numbers are many, and that of the category is longer; those of digits are short, and
few texts have the same six, whatever their category.
"""

import re

from archive_server.database.search_to_sql import Meant, Sql, all_of
from archive_server.model.folding import fold
from archive_server.model.search import Condition, Operator

# The last of a number, which tell it from others. Of four 800 texts are found among 2.4 million,
# of six 50; of more there is a list more to read.
_SIX_DIGITS = re.compile("[0-9]{6}(?![0-9])")


def digits_test(condition: Condition) -> Sql | None:
    """What the index is asked, a condition on `v`: six of the digits of a part, if it has them."""
    digits = _SIX_DIGITS.findall(fold(condition.value))
    if not digits or condition.operator is not Operator.PARTIAL:
        return None
    # The index lacks titles, and says so in these words.
    return Sql("v.category_id > 1 AND v.folded LIKE %s", (f"%{digits[-1]}%",))


def number_test(digits: Sql, condition: Condition, meant: Meant) -> Sql:
    """What `value_test` tells. All but the digits is compared in ways that no index knows."""
    ids = [category_id for _, category_id in meant.ids]
    rest = Sql(
        "v.category_id + 0 = ANY (%s) AND strpos(v.folded, %s) > 0", (ids, fold(condition.value))
    )
    return all_of([digits, rest])
