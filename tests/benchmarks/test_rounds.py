import pytest

from benchmarks.harness.rounds import Figures, alternate, alternate_several


def test_every_contestant_runs_once_a_round_and_each_round_begins_with_another():
    ran = []

    def runner(name):
        def run():
            ran.append(name)
            return 1.0

        return run

    alternate({name: runner(name) for name in "abc"}, 3)
    assert "".join(ran) == "abcbcacab"


def test_figures_keep_the_order_of_the_rounds_and_know_their_middle():
    numbers = iter([3.0, 1.0, 2.0, 10.0])
    figures = alternate({"archive": lambda: next(numbers)}, 4)["archive"]
    assert figures.taken == (3.0, 1.0, 2.0, 10.0)
    assert (figures.median, figures.lowest, figures.highest) == (2.5, 1.0, 10.0)


def test_a_run_may_give_several_numbers():
    taken = alternate_several({"a": lambda: {"MB/s": 5, "s/GB": 2}, "b": lambda: {"MB/s": 4}}, 2)
    assert taken == {
        "MB/s": {"a": Figures((5, 5)), "b": Figures((4, 4))},
        "s/GB": {"a": Figures((2, 2))},
    }


def test_the_ratio_compares_within_rounds():
    # The machine was ten times slower in the last round: that is not a difference between the two.
    ours, theirs = Figures((100, 110, 10)), Figures((50, 55, 5))
    assert ours.ratio_to(theirs) == 2


def test_without_the_same_rounds_the_medians_are_compared():
    assert Figures((1, 2, 3)).ratio_to(Figures((4,))) == 0.5


@pytest.mark.parametrize(("ours", "ratio"), [(0.0, 1.0), (1.0, float("inf"))])
def test_nothing_is_no_divisor(ours, ratio):
    assert Figures((ours,)).ratio_to(Figures((0.0,))) == ratio
