"""Reconciling: whatever is present, carrying out the actions ends in exactly the planned set."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import Refused
from coldforge.release.api import Asset, Release
from coldforge.release.reconcile import Compare, Keep, Planned, Upload, one_draft, reconcile, unplanned

names = st.sampled_from([f"file{number}" for number in range(6)])
contents = st.binary(max_size=3)
planned_sets = st.dictionaries(names, contents)
asset_sets = st.dictionaries(names, st.tuples(st.sampled_from(["same", "starter", "new", "null digest"]), contents))


def planned(name: str, data: bytes) -> Planned:
    return Planned(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def asset(number: int, name: str, data: bytes, state: str = "uploaded", *, digest: bool = True) -> Asset:
    return Asset(id=number, name=name, size=len(data), state=state, digest=f"sha256:{hashlib.sha256(data).hexdigest()}" if digest else None)


@given(planned_sets, asset_sets)
def test_the_actions_lead_to_the_planned_set(wanted: dict[str, bytes], there: dict[str, tuple[str, bytes]]) -> None:
    server: dict[int, tuple[str, bytes, str]] = {}
    present = []
    for number, (name, (state, other)) in enumerate(there.items()):
        data = wanted.get(name, other)
        found = asset(number, name, data, "uploaded" if state in ("same", "null digest") else state, digest=state == "same")
        present.append(found)
        server[number] = (name, data, found.state)
    for action in reconcile([planned(*item) for item in wanted.items()], present):
        if isinstance(action, Upload):
            if action.instead_of is not None:
                del server[action.instead_of]
            assert action.planned.name not in {name for name, _, _ in server.values()}
            server[max(server, default=0) + 1000] = (action.planned.name, wanted[action.planned.name], "uploaded")
    complete = {name: data for name, data, state in server.values() if state == "uploaded"}
    assert {name: complete[name] for name in wanted} == wanted
    again = reconcile([planned(*item) for item in wanted.items()], [asset(n, name, data, s) for n, (name, data, s) in server.items()])
    assert all(isinstance(action, Keep) for action in again)


def test_other_bytes_are_refused_and_named_together() -> None:
    with pytest.raises(Refused) as caught:
        reconcile([planned("a", b"1"), planned("b", b"2")], [asset(1, "a", b"x"), asset(2, "b", b"y")])
    assert len(caught.value.problems) == 2


def test_what_may_be_replaced_is() -> None:
    (action,) = reconcile([planned("a", b"1")], [asset(7, "a", b"other")], replace=frozenset({"a"}))
    assert action == Upload(planned=planned("a", b"1"), instead_of=7)


def test_an_unknown_digest_is_compared_never_assumed() -> None:
    (action,) = reconcile([planned("a", b"1")], [asset(1, "a", b"2", digest=False)])
    assert isinstance(action, Compare)


def test_what_nobody_planned_is_reported() -> None:
    assert [item.name for item in unplanned([planned("a", b"")], [asset(1, "a", b""), asset(2, "b", b"")])] == ["b"]


def draft(number: int, *names: str, text: str = "ours") -> Release:
    assets = tuple(asset(index, name, b"") for index, name in enumerate(names))
    return Release(id=number, tag_name="v1", upload_url="", body=text, draft=True, assets=assets)


def test_the_draft_in_use_is_never_one_too_many() -> None:
    chosen, spare = one_draft([draft(1), draft(2), draft(3)], tag="v1", ours="ours", in_use=2)
    assert chosen is not None
    assert (chosen.id, [item.id for item in spare]) == (2, [1, 3])
    with pytest.raises(Refused, match="2 drafts"):
        one_draft([draft(1, "a"), draft(2)], tag="v1", ours="ours", in_use=2)


def test_of_empty_drafts_the_oldest_stays_and_a_persons_before_it() -> None:
    chosen, spare = one_draft([draft(3), draft(1)], tag="v1", ours="ours")
    assert (chosen and chosen.id, [item.id for item in spare]) == (1, [3])
    chosen, spare = one_draft([draft(3, text="by hand"), draft(1)], tag="v1", ours="ours")
    assert (chosen and chosen.id, [item.id for item in spare]) == (3, [1])
