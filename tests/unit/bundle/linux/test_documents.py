"""Copyright, changelog and manual pages: what they say, and that no text of a project breaks them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import documents
from coldforge.bundle.tree import load
from coldforge.errors import ConfigurationError
from coldforge.project.config import Product
from support import payloads


def made(job: BundleJob) -> dict[str, str]:
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    return {
        path: (gzip.decompress(data) if path.endswith(".gz") else data).decode()
        for path, data in [*documents.debian(job, tree, "demo-package"), *documents.manuals(job, tree)]
    }


def test_the_copyright_names_holders_licence_and_everything_within(tmp_path: Path) -> None:
    text = made(payloads.job(tmp_path, "deb"))["usr/share/doc/demo-package/copyright"]
    assert "\nSource: https://demo.example.org\n" in text
    assert "\n click 8.1.0 (BSD-3-Clause)\n" in text
    assert text.endswith(
        "\nFiles: *\nCopyright: 2021-2023 Some Body\nLicense: MIT\n"
        " Copyright (c) 2021-2023 Some Body\n .\n Do as you like.\n .\n Take it.\n"
    )


def test_without_a_licence_file_the_maintainer_holds_it(tmp_path: Path) -> None:
    text = made(payloads.job(tmp_path, "deb", replace(payloads.PRODUCT, license_files=(), license="", homepage="")))
    copyright_ = text["usr/share/doc/demo-package/copyright"]
    assert "Source:" not in copyright_
    assert "\nCopyright: 2023 Somebody <somebody@example.org>\nLicense: unknown\n The text comes with the source.\n" in copyright_


def test_the_text_of_the_gpl_is_not_the_holder(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb")
    gpl = " GNU GENERAL PUBLIC LICENSE\n\n Copyright (C) 2007 Free Software Foundation, Inc.\n Copyright (C) <year> <name>\n"
    (tmp_path / "LICENSE").write_text(gpl)
    assert "\nCopyright: 2023 Somebody <" in made(job)["usr/share/doc/demo-package/copyright"]


def test_the_changelog_is_dated_by_the_epoch(tmp_path: Path) -> None:
    text = made(payloads.job(tmp_path, "deb"))["usr/share/doc/demo-package/changelog.Debian.gz"]
    assert text.startswith("demo-package (1.2.0~rc.1-1) unstable; urgency=medium\n\n  * Release 1.2.0rc1.\n")
    assert text.endswith("\n -- Somebody <somebody@example.org>  Tue, 14 Nov 2023 22:13:20 +0000\n")


def test_a_projects_own_manual_page_is_taken(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb")
    (tmp_path / "man").mkdir()
    (tmp_path / "man" / "demo.1").write_text(".TH mine\n")
    assert made(job)["usr/share/man/man1/demo.1.gz"] == ".TH mine\n"


def test_no_text_becomes_a_request_of_a_manual_page(tmp_path: Path) -> None:
    product = replace(payloads.PRODUCT, summary='\\fBbold\\fR "x" a-b', description=".so /etc/passwd\n.so /etc/shadow", homepage="")
    lines = made(payloads.job(tmp_path, "deb", product))["usr/share/man/man1/demo.1.gz"].splitlines()
    assert "demo \\- \\efBbold\\efR \\(dqx\\(dq a\\-b" in lines
    assert "\\&.so /etc/passwd .so /etc/shadow" in lines
    assert not [line for line in lines if line.startswith(".so")]
    assert lines[-1] == "Somebody <somebody@example.org>"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MIT", "MIT"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("Apache-2.0 OR MIT", "Apache-2.0 or MIT"),
        ("MIT AND PSF-2.0", "MIT and PSF-2.0"),
        ("(MIT OR BSD-2-Clause) AND X", "MIT-OR-BSD-2-Clause-AND-X"),
        ("My own\nFiles: x", "My-own-Files-x"),
        ("", "unknown"),
    ],
)
def test_a_licences_short_name(text: str, name: str) -> None:
    assert documents.licence(text) == name


@pytest.mark.parametrize("text", ["$unknown_word", "100 $", "${open"])
def test_a_template_of_the_project_that_cannot_be_filled_in_is_told(text: str, tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb")
    own = tmp_path / "build" / "templates" / "deb" / "changelog"
    own.parent.mkdir(parents=True)
    own.write_text(text)
    with pytest.raises(ConfigurationError, match="build/templates/deb/changelog cannot be filled in") as wrong:
        made(job)
    assert wrong.value.where is not None
    assert wrong.value.where.path == own
    assert "$upstream_version" in wrong.value.hint


def test_a_product_with_nothing_but_a_name(tmp_path: Path) -> None:
    bare = Product(name="demo", version="1", maintainer="A <a@example.org>", executables=payloads.PRODUCT.executables)
    assert all(text.strip() for text in made(payloads.job(tmp_path, "deb", bare)).values())
