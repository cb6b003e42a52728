import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.rights import Action, Rule, deciding, is_allowed

READ, WRITE, ANY = Action.READ, Action.WRITE, Action.ANY
SELF, HOME, ARCHIVE = 0, 1, 2
USER, GROUP, OUTER_GROUP = 0, 1, 2


def allow(action, about, of, *, of_class=False):
    return (action, True, about, of, of_class)


def deny(action, about, of, *, of_class=False):
    return (action, False, about, of, of_class)


def made(given):
    return [Rule(number, *rest) for number, rest in enumerate(given)]


TABLE = [
    ("no rule denies", [], False),
    ("a rule allows", [allow(READ, ARCHIVE, GROUP)], True),
    ("a rule denies", [deny(READ, ARCHIVE, GROUP)], False),
    ("what is said of another action says nothing", [allow(WRITE, SELF, USER)], False),
    ("every action includes this one", [allow(ANY, ARCHIVE, GROUP)], True),
    (
        "the nearest object decides, though it is for a group far away",
        [allow(READ, ARCHIVE, USER), deny(READ, SELF, OUTER_GROUP)],
        False,
    ),
    (
        "the owner's home comes between clip and archive",
        [deny(READ, ARCHIVE, USER), allow(READ, HOME, GROUP)],
        True,
    ),
    (
        "what is nearer by object comes before what names the action",
        [allow(READ, HOME, USER), deny(ANY, SELF, USER)],
        False,
    ),
    (
        "of rules about one object the nearest membership decides",
        [deny(READ, HOME, GROUP), allow(READ, HOME, USER)],
        True,
    ),
    (
        "a group comes before a group it is in",
        [allow(READ, HOME, OUTER_GROUP), deny(READ, HOME, GROUP)],
        False,
    ),
    (
        "a nearer membership comes before what names the action",
        [allow(READ, HOME, GROUP), deny(ANY, HOME, USER)],
        False,
    ),
    (
        "what names the action comes before what names every action",
        [deny(ANY, HOME, GROUP), allow(READ, HOME, GROUP)],
        True,
    ),
    (
        "of rules that are equally near denying wins",
        [allow(READ, HOME, GROUP), deny(READ, HOME, GROUP)],
        False,
    ),
    (
        "a class decides where no rule is about the object or what it lies in",
        [allow(READ, SELF, GROUP, of_class=True)],
        True,
    ),
    (
        "a class does not allow what is denied outside of classes, however far away",
        [allow(READ, SELF, USER, of_class=True), deny(ANY, ARCHIVE, OUTER_GROUP)],
        False,
    ),
    (
        "a class does not deny what is allowed outside of classes",
        [deny(READ, SELF, USER, of_class=True), allow(ANY, ARCHIVE, OUTER_GROUP)],
        True,
    ),
    (
        "among classes the nearest object decides too",
        [
            deny(READ, HOME, USER, of_class=True),
            allow(READ, SELF, GROUP, of_class=True),
        ],
        True,
    ),
]


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [pytest.param(rules, allowed, id=name.replace(" ", "-")) for name, rules, allowed in TABLE],
)
@pytest.mark.parametrize("turn", [1, -1], ids=["as-written", "backwards"])
def test_the_rule_that_comes_first_decides(rules, allowed, turn):
    assert is_allowed(READ, made(rules)[::turn]) is allowed


rules = st.builds(
    Rule,
    rule_id=st.integers(0, 999),
    action=st.sampled_from(Action),
    allows=st.booleans(),
    object_distance=st.integers(0, 2),
    member_distance=st.integers(0, 3),
    of_class=st.booleans(),
)


def naive(action, rules):
    """The specification, sentence by sentence: what is left after each narrows it down."""

    def best_allows(left):
        left = [rule for rule in left if rule.action == action or rule.action == Action.ANY]
        if not left:
            return None
        nearest = min(rule.object_distance for rule in left)
        left = [rule for rule in left if rule.object_distance == nearest]
        nearest = min(rule.member_distance for rule in left)
        left = [rule for rule in left if rule.member_distance == nearest]
        left = [rule for rule in left if rule.action == action] or left
        return not any(not rule.allows for rule in left)

    of_tree = best_allows(rule for rule in rules if not rule.of_class)
    of_classes = best_allows(rule for rule in rules if rule.of_class)
    return of_tree is True or (of_tree is not False and of_classes is True)


@given(st.lists(rules, max_size=12), st.sampled_from([a for a in Action if a is not Action.ANY]))
def test_it_is_what_the_specification_says(rules, action):
    assert is_allowed(action, rules) is naive(action, rules)


@given(st.lists(rules, max_size=8), st.randoms())
def test_the_order_of_the_rules_does_not_matter(rules, random):
    shuffled = rules[:]
    random.shuffle(shuffled)
    assert is_allowed(READ, shuffled) is is_allowed(READ, rules)


@given(st.lists(rules, max_size=8))
def test_who_decides_is_one_of_the_rules_and_about_the_action(rules):
    rule = deciding(WRITE, rules)
    assert rule is None or (rule in rules and rule.action in (WRITE, ANY))
