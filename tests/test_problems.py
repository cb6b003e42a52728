"""Every error has a wire form, and the codes are those that old clients know."""

from collections.abc import Iterator

import pytest

from archive_server import errors
from archive_server.errors import ArchiveError
from archive_server.problems import PROBLEMS, Problem, fault_code, problem_for


def _kinds(kind: type[ArchiveError] = ArchiveError) -> Iterator[type[ArchiveError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _made(kind: type[ArchiveError]) -> ArchiveError:
    error = kind.__new__(kind)
    ArchiveError.__init__(error, "what was wrong")
    return error


OURS = [kind for kind in _kinds() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS)
def test_every_error_is_listed_itself(kind: type[ArchiveError]) -> None:
    assert problem_for(_made(kind)) is PROBLEMS[kind]


@pytest.mark.parametrize("kind", OURS)
def test_every_error_has_a_classic_fault_code_and_an_error_status(kind: type[ArchiveError]) -> None:
    problem = problem_for(_made(kind))
    assert 801 <= problem.fault_code <= 888
    assert 400 <= problem.status <= 507
    assert fault_code("locstor.anything", _made(kind)) == problem.fault_code


def test_titles_and_types_are_distinct() -> None:
    assert len({problem.title for problem in PROBLEMS.values()}) == len(PROBLEMS)
    assert len({problem.type for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_a_type_is_a_uri_made_of_the_title() -> None:
    assert Problem(805, 404, "Not found, ever").type == "tag:archive-server,2026:not-found-ever"


def test_an_error_that_is_not_listed_looks_like_the_class_it_refines() -> None:
    class Unheard(errors.WrongOffset):
        pass

    assert problem_for(Unheard("no", 3)) is PROBLEMS[errors.WrongOffset]
    assert fault_code("locstor.logout", Unheard("no", 3)) == 805


@pytest.mark.parametrize(
    ("method", "kind", "code"),
    [
        ("locstor.login", errors.BadCredentials, 802),
        ("locstor.login", errors.TooManyAttempts, 802),
        ("locstor.logout", errors.NoSession, 803),
        ("locstor.searchMetadata", errors.NoSession, 805),
        ("locstor.loadPref", errors.NoSession, 848),
        ("locstor.savePref", errors.NoSession, 848),
        ("locstor.delPref", errors.NoSession, 848),
        ("locstor.loadGroupPref", errors.NoSession, 848),
        ("locstor.saveGroupPref", errors.NoSession, 848),
        ("locstor.downloadRawAudioDataOpen", errors.NotFound, 847),
        ("locstor.downloadMetadataOpen", errors.NotFound, 805),
        ("locstor.accessPlaylist", errors.NotFound, 847),
        ("locstor.storeAudioClipClose", errors.WrongToken, 850),
        ("locstor.storeAudioClipClose", errors.UnknownToken, 805),
        ("locstor.storeAudioClipOpen", errors.Duplicate, 888),
        ("locstor.login", errors.Unavailable, 804),
    ],
)
def test_methods_answer_with_the_code_their_clients_know(
    method: str, kind: type[ArchiveError], code: int
) -> None:
    assert fault_code(method, _made(kind)) == code
