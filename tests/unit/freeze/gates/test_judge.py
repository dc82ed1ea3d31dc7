"""What happens to findings: errors stop with their advice, relaxed ones are kept with the reason."""

from __future__ import annotations

import pytest

from coldforge.errors import Refused
from coldforge.freeze import finish
from coldforge.freeze.gates import Known, found, judge, warned
from coldforge.project.gates import GATES, Gate
from coldforge.records import Origin


def test_errors_stop_and_name_their_gate_and_warnings_do_not() -> None:
    with pytest.raises(Refused) as caught:
        judge([found("floor", "too new"), found("ctypes", "elsewhere")], {})
    assert [problem.what for problem in caught.value.problems] == ["[floor] too new"]


def test_the_fix_is_told_once_for_each_gate() -> None:
    with pytest.raises(Refused) as caught:
        judge([found("floor", "one"), found("floor", "two"), found("collect", "three")], {})
    assert [problem.hint for problem in caught.value.problems] == [GATES["floor"].fix, "", GATES["collect"].fix]


def test_a_relaxed_gate_keeps_its_finding_with_the_reason_and_relaxes_no_other() -> None:
    findings = [found("floor", "too new"), found("missing-library", "none")]
    with pytest.raises(Refused) as caught:
        judge(findings, {"floor": "only on new systems"})
    assert [problem.what for problem in caught.value.problems] == ["[missing-library] none"]
    (kept,) = judge(findings[:1], {"floor": "only on new systems"})
    assert (kept.level, kept.reason, kept.message) == ("relaxed", "only on new systems", "too new")


def test_what_is_for_the_terminal_is_not_recorded() -> None:
    finding = found("entry-import", "demo:main cannot be imported\n  File /home/me/demo.py")
    with pytest.raises(Refused) as caught:
        judge([finding], {})
    assert "/home/me" in caught.value.problems[0].what
    (kept,) = judge([finding], {"entry-import": "no display here"})
    assert kept.message == "demo:main cannot be imported"


def test_a_file_is_told_with_its_origin_and_its_importers() -> None:
    known = Known(
        origins={"a.so": Origin(kind="distribution", name="a", version="1.2"), "python": Origin(kind="python", name="python")},
        importers={"a.so": ("a.core", "a.more"), "lone": ("b",)},
    )
    assert known.told("a.so") == "a.so (from a 1.2, imported by a.core, a.more)"
    assert known.told("python") == "python (from python)"
    assert known.told("lone") == "lone (imported by b)"
    assert known.told("unknown") == "unknown"


@pytest.mark.parametrize("gate", GATES.values(), ids=list(GATES))
def test_every_gate_says_what_it_means_and_what_to_do(gate: Gate) -> None:
    assert GATES[gate.name] is gate
    assert gate.level in {"error", "warning"}
    assert not gate.title.endswith(".")
    assert all(text.endswith(".") and "\n" not in text and len(text) > 40 for text in (gate.meaning, gate.fix))


def test_every_gate_is_asked_by_somebody() -> None:
    assert {*finish.ASKED, *warned.ASKED, *(gate for gates in finish.ASKED_OF.values() for gate in gates)} == set(GATES)
