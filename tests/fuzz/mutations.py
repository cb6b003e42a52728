"""Inputs that are nearly good, for hypothesis: files of the corpus, changed here and there."""

from collections.abc import Sequence

from hypothesis import strategies as st

_MOST_CHANGES = 6


@st.composite
def changed(
    draw: st.DrawFn, corpus: Sequence[bytes], tokens: Sequence[bytes], longest: int
) -> bytes:
    """A file of the corpus after some changes, or a mixture of two."""
    data = draw(st.sampled_from(corpus))
    if draw(st.booleans()):
        other = draw(st.sampled_from(corpus))
        data = data[: draw(_place(data))] + other[draw(_place(other)) :]
    pieces = st.sampled_from(tokens) | st.binary(max_size=8)
    for _ in range(draw(st.integers(0, _MOST_CHANGES))):
        start = draw(_place(data))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 4, 8, 64, 1000])))
        data = data[:start] + draw(pieces) + data[end:]
    return data[:longest]


def _place(data: bytes) -> st.SearchStrategy[int]:
    return st.integers(0, len(data))
