"""Versions as projects write them, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

_NUMBER = st.integers(min_value=0, max_value=400).map(str)
_STAGE = st.sampled_from([".dev", "a", "b", "rc", ".post"])

VERSIONS = st.builds(
    lambda release, stage: ".".join(release) + stage,
    st.lists(_NUMBER, min_size=1, max_size=4),
    st.just("") | st.builds(str.__add__, _STAGE, _NUMBER),
)
