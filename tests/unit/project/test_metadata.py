"""[project] and [tool.coldforge] to the product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.project.config import Config, Executable
from coldforge.project.metadata import NOBODY, ProjectTable, first_paragraph, homepage, product_of


def product(tmp_path: Path, config: dict[str, Any] | None = None, **project: Any) -> Any:
    table = msgspec.convert(
        {key.replace("_", "-"): value for key, value in {"name": "demo", "version": "1.0", **project}.items()}, ProjectTable
    )
    return product_of(table, msgspec.convert(config or {}, Config), root=tmp_path)


def test_a_plain_project_needs_nothing_else(tmp_path: Path) -> None:
    made = product(tmp_path, description="Does\n  things", scripts={"demo": "demo.cli:main"}, gui_scripts={"demo-gui": "demo.gui:main"})
    assert (made.name, made.version, made.summary, made.display_name) == ("demo", "1.0", "Does things", "demo")
    assert made.executables == (
        Executable(name="demo", entry="demo.cli:main"),
        Executable(name="demo-gui", entry="demo.gui:main", console=False),
    )


def test_the_configuration_overrides_and_completes(tmp_path: Path) -> None:
    config = {
        "name": "Demo",
        "display-name": "The Demo",
        "maintainer": "Ada <ada@example.org>",
        "executables": {"demo": {"entry": "demo.other:run", "console": False}, "extra": {"entry": "demo:extra"}},
    }
    made = product(tmp_path, config, scripts={"demo": "demo:main", "kept": "demo:kept"}, authors=[{"name": "B", "email": "b@example.org"}])
    assert (made.name, made.display_name, made.maintainer) == ("Demo", "The Demo", "Ada <ada@example.org>")
    assert [(e.name, e.entry, e.console) for e in made.executables] == [
        ("demo", "demo.other:run", False),
        ("extra", "demo:extra", True),
        ("kept", "demo:kept", True),
    ]


def test_a_table_completes_what_the_script_of_its_name_says(tmp_path: Path) -> None:
    config = {"executables": {"demo": {"url-schemes": ["demo"]}, "demo-gui": {"window-class": "Demo"}}}
    made = product(tmp_path, config, scripts={"demo": "demo:main"}, gui_scripts={"demo-gui": "demo:gui"})
    assert made.executables == (
        Executable(name="demo", entry="demo:main", url_schemes=("demo",)),
        Executable(name="demo-gui", entry="demo:gui", console=False, window_class="Demo"),
    )


@pytest.mark.parametrize(
    ("urls", "identifier"),
    [
        ({"Home": "https://demo.example.org", "Code": "https://github.com/Some-Body/demo.git"}, "io.github.some_body.my_demo"),
        ({"Source": "https://www.gitlab.com/2you/demo"}, "io.gitlab._2you.my_demo"),
        ({"Source": "https://github.com/somebody"}, ""),
        ({"Source": "https://notgithub.com/a/b"}, ""),
        ({}, ""),
    ],
)
def test_an_identifier_comes_from_the_forge_unless_there_is_one(urls: dict[str, str], identifier: str, tmp_path: Path) -> None:
    assert product(tmp_path, name="my-Demo", urls=urls).identifier == identifier
    assert product(tmp_path, {"identifier": "org.example.demo"}, urls=urls).identifier == "org.example.demo"


def test_urls_go_by_the_labels_that_all_know(tmp_path: Path) -> None:
    urls = {label: f"https://{label[0]}.example" for label in ("Home", "Bug Tracker", "GitHub", "Docs", "Other")}
    assert product(tmp_path, urls=urls).urls == {"documentation": urls["Docs"], "issues": urls["Bug Tracker"], "source": urls["GitHub"]}


@pytest.mark.parametrize("entry", ["a.b:c.d", " a.b : c.d ", "a.b:c.d [extra]", "a.b:c.d[one, two] ", "a.b :c.d\t[x]"])
def test_spaces_and_extras_of_an_entry_point_are_left_out(entry: str, tmp_path: Path) -> None:
    assert product(tmp_path, scripts={"demo": entry}).executables[0].entry == "a.b:c.d"


@pytest.mark.parametrize("entry", ["a", "a:", ":b", "a b:c", "1a:b", "a:b:c", "a-b:c", "a.:b", "a:b [x", "a:b()", ""])
def test_what_is_no_entry_point_is_refused(entry: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"scripts": {"demo": entry}}, ProjectTable)


@pytest.mark.parametrize(
    ("people", "maintainer"),
    [
        ({}, f"Maintainers of demo <{NOBODY}>"),
        ({"authors": [{"name": "Ada"}]}, f"Ada <{NOBODY}>"),
        ({"authors": [{"email": "ada@example.org"}]}, "ada <ada@example.org>"),
        ({"authors": [{"name": "Ada"}, {"name": "Bob", "email": "bob@example.org"}]}, "Bob <bob@example.org>"),
        ({"authors": [{"name": "Ada", "email": "a@x.org"}], "maintainers": [{"name": "Bob", "email": "b@x.org"}]}, "Bob <b@x.org>"),
        ({"authors": [{"name": "Ada", "email": "a@x.org"}], "maintainers": [{"name": "Bob"}]}, "Ada <a@x.org>"),
        ({"authors": [{"name": "Acme, Inc.", "email": "a@x.org"}]}, "Acme Inc. <a@x.org>"),
        ({"authors": [{"name": "Ada <the first>\n Lovelace", "email": "a@x.org"}]}, "Ada the first Lovelace <a@x.org>"),
    ],
)
def test_the_maintainer_is_always_a_name_with_an_address(people: dict[str, Any], maintainer: str, tmp_path: Path) -> None:
    assert product(tmp_path, **people).maintainer == maintainer


@pytest.mark.parametrize(
    ("given", "words"),
    [("MIT", "MIT"), ({"text": "\n The MIT License\n\nPermission…"}, "The MIT License"), ({"file": "LICENSE.md"}, ""), ("", "")],
)
def test_licenses_of_both_specifications(given: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / "LICENSE.md").write_text("text")
    made = product(tmp_path, license=given)
    assert made.license == words
    assert made.license_files == ("LICENSE.md",)


def test_license_files_are_found_as_the_specification_says(tmp_path: Path) -> None:
    (tmp_path / "licenses").mkdir()
    for name in ("LICENSE", "LICENCE.txt", "COPYING", "NOTICE.md", "AUTHORS", "README.md", "licenses/one.txt", "licenses/two.txt"):
        (tmp_path / name).write_text("text")
    assert product(tmp_path).license_files == ("AUTHORS", "COPYING", "LICENCE.txt", "LICENSE", "NOTICE.md")
    assert product(tmp_path, license_files=["licenses/*.txt"]).license_files == ("licenses/one.txt", "licenses/two.txt")
    assert product(tmp_path, license_files=[]).license_files == ()


@pytest.mark.parametrize("url", ["not a url", "javascript:alert(1)", "http://exa mple", "https://"])
def test_what_is_no_address_of_the_web_stands_in_no_package(url: str, tmp_path: Path) -> None:
    made = product(tmp_path, urls={"Homepage": url, "Bug Tracker": url, "Source": "https://example.org/x"})
    assert (made.homepage, made.urls) == ("https://example.org/x", {"source": "https://example.org/x"})


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../LICENSE", "a/../../b", ""])
def test_license_files_outside_of_the_project_are_refused(pattern: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"license-files": [pattern]}, ProjectTable)


@pytest.mark.parametrize(
    ("urls", "url"),
    [
        ({}, ""),
        ({"Home-Page": "a", "Source": "b"}, "a"),
        ({"Source Code": "b", "Issues": "c"}, "b"),
        ({"homepage": "a"}, "a"),
        ({"Repository": "r", "GitHub": "g"}, "r"),
        ({"Issues": "c"}, ""),
    ],
)
def test_the_homepage_is_the_best_of_the_urls(urls: dict[str, str], url: str) -> None:
    assert homepage(urls) == url


@pytest.mark.parametrize(
    ("page", "paragraph"),
    [
        ("", ""),
        ("# Title\n", ""),
        ("# Title\n\nIt does things,\nand more.\n\nSecond.", "It does things, and more."),
        ("# Title\nIt does things directly below.\n", "It does things directly below."),
        ("Title\n=====\n\nIt does things.\n", "It does things."),
        ("=====\nTitle\n=====\n\n.. image:: x.png\n\nIt does things.\n", "It does things."),
        ("<p align='center'>\n<img src='x'>\n</p>\n\nIt does things.", "It does things."),
        ("<!-- a comment\n\nwith words in it -->\nIt does things.", "It does things."),
        ("[![build](b.svg)](b) [![cov](c.svg)](c)\n\nIt does things.", "It does things."),
        ("![logo](logo.png)\n\n> A quote of somebody.\n\n- a list of\n\nIt does things.", "It does things."),
        ("```sh\nIt does no things.\n```\n\nIt does things.", "It does things."),
        ("**Demo** does `this` and [that](https://example.org) in *style*.", "Demo does this and that in style."),
        ("`Demo <https://example.org>`_ does ``this``.", "Demo does this."),
        ("It does snake_case_things and 2 * 3 * 4.", "It does snake_case_things and 2 * 3 * 4."),
        ("# T\r\n\r\nIt does things.\r\nAnd more.\r\n", "It does things. And more."),
        ("---\n\n| a | b |\n|---|---|\n\nIt does things.", "It does things."),
    ],
)
def test_the_first_paragraph_of_a_readme(page: str, paragraph: str) -> None:
    assert first_paragraph(page) == paragraph


def test_the_description_comes_from_the_readme_however_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Demo\n\nIt does things für alle.\n", encoding="utf-8")
    assert product(tmp_path, readme="README.md").description == "It does things für alle."
    assert product(tmp_path, readme={"file": "README.md", "content-type": "text/markdown"}).description == "It does things für alle."
    assert product(tmp_path, readme={"text": "It does things.", "content-type": "text/plain"}).description == "It does things."
    assert product(tmp_path).description == ""


def test_a_keyword_without_a_letter_is_none(tmp_path: Path) -> None:
    assert product(tmp_path, keywords=["demo", "", " "]).keywords == ("demo",)
