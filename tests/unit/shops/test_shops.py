"""What winget, Scoop and Chocolatey are told of a release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from msgspec.structs import replace

from coldforge.bundle.windows import msi
from coldforge.cli import main
from coldforge.errors import ConfigurationError
from coldforge.plan.names import Version
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.windows import WindowsConfig
from coldforge.records import MANIFEST, Artifact, Manifest, SourceRecord, TargetRecord, canonical
from coldforge.shops import chocolatey, stage
from support.payloads import PRODUCT, snapshot
from support.releases import ENVIRONMENT

WINDOWED = replace(
    PRODUCT,
    version="1.2.0",
    display_name="Demo & Co",
    urls={"issues": "https://demo.example.org/issues"},
    keywords=("Two words", "demo"),
    executables=(Executable(name="demo", entry="demo:main"), Executable(name="demo-window", entry="demo:window", console=False)),
)
PAGE = "https://github.com/acme/demo"
DOWNLOAD = f"{PAGE}/releases/download/v1.2.0"
WINGET = "winget/manifests/s/SomebodyInc/demo/1.2.0/SomebodyInc.demo"
SHA = "ab" * 32
NAME = "demo-1.2.0-windows-x86_64"


def released(
    dist: Path,
    *,
    product: Product = WINDOWED,
    scope: Any = "both",
    publisher: str = "Somebody, Inc.",
    formats: tuple[str, ...] = ("zip", "nsis", "msi"),
    targets: tuple[str, ...] = ("windows-x86_64",),
    sha256: str = SHA,
    **source: Any,
) -> Manifest:
    """What a build leaves that shops are told of: the plan and the manifest."""
    config = Config(windows=WindowsConfig(scope=scope, publisher=publisher))
    record = SourceRecord(**{"commit": "a" * 40, "tag": "v1.2.0", "repository": "acme/demo", "epoch": 1_700_000_000, **source})
    matrix = Matrix(targets={target: TargetConfig(formats=formats) for target in targets})
    plan = make_plan(product=product, config=config, source=record, matrix=matrix, coldforge="0")
    made = tuple(
        TargetRecord(
            target=target.target,
            freezer="pyinstaller",
            payload_digest="4" * 64,
            payload_size=1,
            environment=ENVIRONMENT,
            artifacts=tuple(
                Artifact(name=each.name, path=each.name, target=target.target, format=each.format, size=1, sha256=sha256)
                for each in target.artifacts
            ),
        )
        for target in plan.targets
    )
    manifest = Manifest(coldforge="0", product=product.name, version=product.version, source=record, targets=made)
    dist.mkdir(exist_ok=True)
    (dist / MANIFEST).write_bytes(canonical(manifest))
    (dist / stage.PLAN).write_bytes(canonical(plan))
    return manifest


def told(tmp_path: Path, **options: Any) -> Mapping[str, bytes]:
    """The files about a release, by path."""
    released(tmp_path / "dist", **options)
    written = stage.write(tmp_path / "dist", tmp_path / "out")
    found = snapshot(tmp_path / "out")
    assert sorted(found) == sorted(written)
    return found


def test_winget_is_told_of_every_installer(tmp_path: Path) -> None:
    found = told(tmp_path)
    file = yaml.safe_load(found[f"{WINGET}.installer.yaml"])
    setup = [one for one in file["Installers"] if one["InstallerType"] == "nullsoft"]
    assert [(one["Scope"], one["InstallerSwitches"]["Custom"]) for one in setup] == [("user", "/CURRENTUSER"), ("machine", "/ALLUSERS")]
    assert setup[0]["InstallerUrl"] == f"{DOWNLOAD}/{NAME}-setup.exe"
    assert setup[0]["InstallerSwitches"]["Silent"] == "/S"
    assert {one["InstallerReturnCode"]: one["ReturnResponse"] for one in setup[0]["ExpectedReturnCodes"]}[4] == "downgrade"
    assert [one.get("ElevationRequirement") for one in setup] == [None, "elevationRequired"]
    (package,) = (one for one in file["Installers"] if one["InstallerType"] == "wix")
    plan = stage.read_offer(tmp_path / "dist").plan
    codes = msi.Codes.of(plan, "windows-x86_64", "4" * 64)
    assert (package["ProductCode"], package["Scope"], package["Architecture"]) == (codes.product, "machine", "x64")
    assert package["AppsAndFeaturesEntries"] == [{"DisplayVersion": "1.2.0", "UpgradeCode": codes.upgrade}]
    (portable,) = (one for one in file["Installers"] if one["InstallerType"] == "zip")
    assert [nested["RelativeFilePath"] for nested in portable["NestedInstallerFiles"]] == [
        r"demo-1.2.0\demo.exe",
        r"demo-1.2.0\demo-window.exe",
    ]
    assert {one["InstallerSha256"] for one in file["Installers"]} == {SHA.upper()}
    assert (file["ReleaseDate"], file["Commands"]) == ("2023-11-14", ["demo"])
    texts = yaml.safe_load(found[f"{WINGET}.locale.en-US.yaml"])
    assert (texts["Publisher"], texts["PackageName"], texts["License"]) == ("Somebody, Inc.", "Demo & Co", "MIT")
    assert texts["LicenseUrl"] == f"{PAGE}/blob/v1.2.0/LICENSE"
    first = yaml.safe_load(found[f"{WINGET}.yaml"])
    assert {one["PackageIdentifier"] for one in (first, file, texts)} == {"SomebodyInc.demo"}
    assert [one["ManifestType"] for one in (first, file, texts)] == ["version", "installer", "defaultLocale"]


def test_scoop_is_told_of_the_portable_program(tmp_path: Path) -> None:
    app = json.loads(told(tmp_path, targets=("windows-x86_64", "windows-aarch64"))["scoop/bucket/demo.json"])
    assert sorted(app["architecture"]) == ["64bit", "arm64"]
    assert app["architecture"]["64bit"] == {"url": f"{DOWNLOAD}/{NAME}.zip", "hash": SHA, "extract_dir": "demo-1.2.0"}
    assert (app["bin"], app["shortcuts"]) == (["demo.exe"], [["demo-window.exe", "Demo & Co"]])
    assert app["checkver"] == {"github": PAGE}
    newer = app["autoupdate"]["architecture"]["64bit"]
    assert newer["url"] == f"{PAGE}/releases/download/v$version/demo-$version-windows-x86_64.zip"
    assert app["autoupdate"]["hash"] == {"url": "$baseurl/SHA256SUMS"}


@pytest.mark.parametrize(("tag", "look"), [("demo-1.2.0", r"/releases/tag/demo\-([\d.]+)"), ("stable", None), ("demo/v1.2.0", None)])
def test_a_later_version_is_looked_for_where_its_tag_can_be_told(tag: str, look: str | None, tmp_path: Path) -> None:
    app = json.loads(told(tmp_path, tag=tag)["scoop/bucket/demo.json"])
    assert app.get("checkver", {}).get("regex") == look
    assert ("autoupdate" in app) == (look is not None)


def test_chocolatey_is_told_what_to_run(tmp_path: Path) -> None:
    found = told(tmp_path)
    root = ET.fromstring(found["chocolatey/demo/demo.nuspec"])
    names = {"n": "http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd"}
    said = {element.tag.rpartition("}")[2]: element.text for element in root.findall("n:metadata/*", names)}
    assert (said["id"], said["version"], said["title"], said["tags"]) == ("demo", "1.2.0", "Demo & Co", "demo two-words")
    assert (said["authors"], said["projectUrl"]) == ("Somebody, Inc.", PRODUCT.homepage)
    install = found["chocolatey/demo/tools/chocolateyinstall.ps1"].decode("utf-8-sig")
    for line in (f"'{DOWNLOAD}/{NAME}-setup.exe'", f"'{SHA}'", "'/S /ALLUSERS'", "'exe'", "@(0)"):
        assert line in install
    assert r"\Uninstall\demo'" in found["chocolatey/demo/tools/chocolateyuninstall.ps1"].decode("utf-8-sig")


def test_chocolatey_takes_the_msi_where_there_is_no_setup(tmp_path: Path) -> None:
    found = told(tmp_path, formats=("msi",))
    assert not any(path.startswith("scoop/") for path in found)
    codes = msi.Codes.of(stage.read_offer(tmp_path / "dist").plan, "windows-x86_64", "4" * 64)
    assert f"'{codes.product} /qn /norestart'" in found["chocolatey/demo/tools/chocolateyuninstall.ps1"].decode("utf-8-sig")
    assert "'/qn /norestart'" in found["chocolatey/demo/tools/chocolateyinstall.ps1"].decode("utf-8-sig")


def test_versions_sort_by_their_letters_in_chocolatey() -> None:
    texts = ["1.2.0.dev9", "1.2.0a2", "1.2.0a10", "1.2.0b1", "1.2.0rc1"]
    written = [chocolatey.version(Version.parse(text)) for text in texts]
    assert written == sorted(written)
    with pytest.raises(ConfigurationError, match="no number"):
        chocolatey.version(Version.parse("1.2.3.4.post1"))


def test_what_is_for_one_scope_only_has_no_switch_for_it(tmp_path: Path) -> None:
    file = yaml.safe_load(told(tmp_path, scope="user")[f"{WINGET}.installer.yaml"])
    scopes = [(one.get("Scope"), one.get("InstallerSwitches", {}).get("Custom")) for one in file["Installers"]]
    assert scopes == [("user", None), ("user", None), (None, None)]


def test_the_same_release_is_told_in_the_same_bytes(tmp_path: Path) -> None:
    before = told(tmp_path)
    assert told(tmp_path) == before
    (tmp_path / "other").mkdir()
    assert told(tmp_path / "other") == before


def test_everything_that_lacks_is_told_at_once(tmp_path: Path) -> None:
    product = replace(WINDOWED, license="", homepage="", summary="", maintainer="Somebody <unknown@example.invalid>")
    released(tmp_path, product=product, publisher="", tag="", repository="https://git.example.org/acme/demo")
    with pytest.raises(ConfigurationError, match="demand") as caught:
        stage.write(tmp_path, tmp_path / "out")
    text = "\n".join(map(str, caught.value.problems))
    for word in ("publisher", "licence", "homepage", "summary", "--repo OWNER/REPO", "--tag"):
        assert word in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"publisher": "X"}, "Publisher"),
        ({"publisher": "The Very Long Name of a Company of Sons and Daughters"}, "PackageIdentifier"),
        ({"product": replace(WINDOWED, summary="x" * 257)}, "ShortDescription"),
        ({"product": replace(WINDOWED, license="X")}, "License"),
        ({"product": replace(WINDOWED, homepage="ftp://demo.example.org")}, "PublisherUrl"),
        ({"sha256": "'; evil"}, "InstallerSha256"),
        ({"sha256": "'; evil", "formats": ("zip",)}, "InstallerSha256"),
    ],
)
def test_what_winget_would_refuse_is_not_written(options: dict[str, Any], key: str, tmp_path: Path) -> None:
    released(tmp_path, **options)
    with pytest.raises(ConfigurationError, match="winget would refuse") as caught:
        stage.write(tmp_path, tmp_path / "out")
    assert key in caught.value.why
    assert not (tmp_path / "out").exists()


def test_what_chocolatey_would_refuse_is_not_written(tmp_path: Path) -> None:
    released(tmp_path, product=replace(WINDOWED, description="x" * 4001))
    with pytest.raises(ConfigurationError, match="chocolatey would refuse the nuspec") as caught:
        stage.write(tmp_path, tmp_path / "out")
    assert "$.description" in caught.value.why


def test_a_release_without_anything_for_windows_is_refused(tmp_path: Path) -> None:
    released(tmp_path, targets=("linux-x86_64",), formats=("tar.gz",))
    with pytest.raises(ConfigurationError, match="nothing that a shop"):
        stage.write(tmp_path, tmp_path / "out")


def test_a_plan_of_another_build_is_refused(tmp_path: Path) -> None:
    manifest = released(tmp_path)
    (tmp_path / MANIFEST).write_bytes(canonical(replace(manifest, version="1.2.1")))
    with pytest.raises(ConfigurationError, match="not of one build"):
        stage.write(tmp_path, tmp_path / "out")


def test_the_verb_names_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    released(tmp_path / "dist", tag="")
    out = tmp_path / "out"
    assert main(["shops", str(tmp_path / "dist"), "--out", str(out), "--tag", "v9", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == sorted(snapshot(out))
    assert b"/releases/download/v9/" in (out / "scoop/bucket/demo.json").read_bytes()
