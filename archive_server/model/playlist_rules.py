"""What a playlist's XML may consist of (LiveSupport storage protocol, 7.2).

What is wrong is said by the path of the element and the rule that it breaks. Declarations of
namespaces and attributes such as xml:lang are allowed everywhere.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from archive_server.errors import BadDocument, BadRequest
from archive_server.model.extents import is_extent
from archive_server.model.gunid import Gunid
from archive_server.model.xml_elements import Element


@dataclass(frozen=True, slots=True)
class _Form:
    """What the value of an attribute has to look like."""

    meaning: str
    is_met_by: Callable[[str], bool]


def _is_gunid(text: str) -> bool:
    try:
        Gunid.parse(text)
    except BadRequest:
        return False
    return True


_ANY = _Form("a text", lambda text: True)
_SOME = _Form("a text that is not empty", bool)
_GUNID = _Form("16 hex digits or a UUID", _is_gunid)
_TIME = _Form("a duration like 00:03:25.000000", is_extent)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an element may have; of what is inside, how many at the most."""

    required: Mapping[str, _Form] = field(default_factory=dict)
    optional: Mapping[str, _Form] = field(default_factory=dict)
    inside: Mapping[str, int] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()  # exactly one of these is inside


_UNBOUNDED = 2**31

_SHAPES: Mapping[str, _Shape] = {
    "playlist": _Shape(
        required={"id": _GUNID},
        optional={"title": _ANY, "playlength": _TIME},
        inside={"playlistElement": _UNBOUNDED, "metadata": 1},
    ),
    "playlistElement": _Shape(
        required={"id": _SOME, "relativeOffset": _TIME},
        optional={"clipStart": _TIME, "clipEnd": _TIME, "clipLength": _TIME},
        inside={"audioClip": 1, "playlist": 1, "fadeInfo": 1},
        one_of=("audioClip", "playlist"),
    ),
    "audioClip": _Shape(
        optional={"id": _GUNID, "title": _ANY, "playlength": _TIME, "uri": _ANY},
        inside={"metadata": 1},
    ),
    "fadeInfo": _Shape(required={"id": _SOME, "fadeIn": _TIME, "fadeOut": _TIME}),
}


def check(element: Element, path: str) -> None:
    """Raise BadDocument unless the element, and all that is inside, is as it may be.

    Of metadata nothing is asked here: it is what it is in any document.
    """
    shape = _SHAPES.get(element.name)
    if element.name == "metadata":
        if element.text:
            raise BadDocument(f"{path}: text outside of its elements")
        return
    assert shape is not None, "what is inside was found to be known"
    if element.text:
        raise BadDocument(f"{path}: no text may be in it")
    _check_attributes(element, shape, path)
    _check_inside(element, shape, path)


def _check_attributes(element: Element, shape: _Shape, path: str) -> None:
    given = dict(element.attributes)
    for name in shape.required:
        if name not in given:
            raise BadDocument(f"{path}: attribute {name} is missing")
    forms = {**shape.required, **shape.optional}
    for name, value in given.items():
        if is_exempt(name):
            continue
        if name not in forms:
            raise BadDocument(f"{path}: attribute {name} is unknown")
        if not forms[name].is_met_by(value):
            raise BadDocument(f"{path}: attribute {name}: {forms[name].meaning} expected")


def _check_inside(element: Element, shape: _Shape, path: str) -> None:
    numbers: Counter[str] = Counter()
    for child in element.children:
        numbers[child.name] += 1
        if child.name not in shape.inside:
            raise BadDocument(f"{path}: element {child.name} may not be in it")
        if numbers[child.name] > shape.inside[child.name]:
            raise BadDocument(f"{path}: more than one element {child.name}")
        check(child, _path_of(child, path, numbers[child.name]))
    if shape.one_of and sum(numbers[name] for name in shape.one_of) != 1:
        raise BadDocument(f"{path}: exactly one element {' or '.join(shape.one_of)} expected")


def _path_of(child: Element, path: str, number: int) -> str:
    return f"{path}/{child.name}" + (f"[{number}]" if child.name == "playlistElement" else "")


def is_exempt(attribute: str) -> bool:
    """Whether an attribute is allowed everywhere."""
    return attribute == "xmlns" or attribute.startswith(("xmlns:", "xml:", "xsi:"))
