"""Reconciling: whatever is present, carrying out the actions ends in exactly the planned set."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import Refused
from coldforge.release.api import Asset, Release
from coldforge.release.reconcile import BESIDE, Action, Clear, Compare, Keep, Planned, Swap, Upload, one_draft, reconcile, unplanned

names = st.sampled_from([f"file{number}" for number in range(6)])
contents = st.binary(max_size=3)
planned_sets = st.dictionaries(names, contents)
# what may be there under a name, and beside it: how it came there, and the bytes of what is another's
there = st.tuples(st.sampled_from(["same", "other", "starter", "new", "null digest"]), contents)
asset_sets = st.dictionaries(st.one_of(names, names.map(lambda name: name + BESIDE)), there)


def planned(name: str, data: bytes) -> Planned:
    return Planned(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def asset(number: int, name: str, data: bytes, state: str = "uploaded", *, digest: bool = True) -> Asset:
    return Asset(id=number, name=name, size=len(data), state=state, digest=f"sha256:{hashlib.sha256(data).hexdigest()}" if digest else None)


def carry_out(action: Action, data: bytes, server: dict[int, Asset], most: int) -> None:
    """What the engine does, on a server that refuses two assets of one name, and more of them than it takes."""

    def put(name: str) -> int:
        assert len(server) < most, "GitHub takes no more"
        assert name not in {there.name for there in server.values()}, "GitHub refuses a second asset of a name"
        number = max(server, default=0) + 1
        server[number] = asset(number, name, data)
        return number

    name = action.planned.name
    if isinstance(action, Upload):
        for number in action.instead_of:
            del server[number]
        put(name)
    elif isinstance(action, Swap):
        if action.unusable is not None:
            del server[action.unusable]
        beside = put(name + BESIDE) if action.beside is None else action.beside.id
        if action.old is not None:
            del server[action.old]
        assert name not in {there.name for there in server.values()}
        server[beside] = msgspec.structs.replace(server[beside], name=name)
    elif isinstance(action, Clear):
        del server[action.leftover]
    elif isinstance(action, Compare) and server[action.asset.id].digest is None:  # the comparison tells what the server did not
        server[action.asset.id] = asset(action.asset.id, name, data)


@given(planned_sets, asset_sets, st.integers(0, 3))
def test_the_actions_lead_to_the_planned_set(wanted: dict[str, bytes], present: dict[str, tuple[str, bytes]], room: int) -> None:
    server: dict[int, Asset] = {}
    for number, (name, (kind, other)) in enumerate(present.items()):
        state = kind if kind in ("starter", "new") else "uploaded"
        right = wanted.get(name.removesuffix(BESIDE), other)
        server[number] = asset(number, name, other if kind == "other" else right, state, digest=kind != "null digest")
    strangers = [there for there in server.values() if there.name.removesuffix(BESIDE) not in wanted]
    files, exchangeable = [planned(*item) for item in wanted.items()], frozenset(wanted)
    most = len(server) + len(wanted.keys() - {asset.name for asset in server.values()}) + room
    for _ in range(2):  # a comparison shows what is left to clear
        for action in reconcile(files, list(server.values()), replace=exchangeable, most=most):
            carry_out(action, wanted[action.planned.name], server, most)
    assert all(isinstance(action, Keep) for action in reconcile(files, list(server.values())))
    assert {there.name for there in server.values()} == {*wanted, *(stranger.name for stranger in strangers)}
    assert all(server[stranger.id] == stranger for stranger in strangers), "what is not planned is left alone"


def test_while_a_swap_goes_on_one_of_the_two_files_is_whole() -> None:
    """Stopped before the deletion, and before the renaming: what follows from each."""
    file, old = planned("a", b"new"), asset(1, "a", b"old")
    beside = asset(2, "a" + BESIDE, b"new")
    replace = frozenset({"a"})
    assert reconcile([file], [old, beside], replace=replace) == [Swap(planned=file, old=1, beside=beside)]
    assert reconcile([file], [beside], replace=replace) == [Swap(planned=file, old=None, beside=beside)]
    half = asset(2, "a" + BESIDE, b"", "starter")
    assert reconcile([file], [old, half], replace=replace) == [Swap(planned=file, old=1, unusable=2)]


def test_where_nothing_fits_beside_the_old_file_it_goes_first() -> None:
    file, present = planned("a", b"new"), [asset(1, "a", b"old"), asset(2, "b", b"")]
    replace = frozenset({"a"})
    assert reconcile([file], present, replace=replace, most=3) == [Swap(planned=file, old=1)]
    assert reconcile([file], present, replace=replace, most=2) == [Upload(planned=file, instead_of=(1,))]


def test_no_more_files_than_github_takes() -> None:
    with pytest.raises(Refused, match="would hold 3 files, GitHub accepts 2") as caught:
        reconcile([planned("a", b""), planned("b", b"")], [asset(1, "b", b""), asset(2, "c", b"")], most=2)
    assert [problem.what for problem in caught.value.problems] == ["c is there, and not planned"]


def test_other_bytes_are_refused_and_named_together() -> None:
    with pytest.raises(Refused) as caught:
        reconcile([planned("a", b"1"), planned("b", b"2")], [asset(1, "a", b"x"), asset(2, "b", b"y")])
    assert len(caught.value.problems) == 2


def test_what_may_be_replaced_is() -> None:
    (action,) = reconcile([planned("a", b"1")], [asset(7, "a", b"other")], replace=frozenset({"a"}))
    assert action == Swap(planned=planned("a", b"1"), old=7)


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
