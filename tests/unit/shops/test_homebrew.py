"""What Homebrew is told of a release."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.errors import ConfigurationError
from support.brew import ARM, BOTH, INTEL, told


def test_a_cask_has_one_address_for_both_processors(tmp_path: Path) -> None:
    cask = told(tmp_path)["homebrew/Casks/my-demo.rb"]
    assert (
        cask
        == f"""cask "my-demo" do
  arch arm: "aarch64", intel: "x86_64"

  version "1.2.0"
  sha256 arm:   "{"ab" * 32}",
         intel: "{"ab" * 32}"

  url "https://github.com/acme/demo/releases/download/v#{{version}}/My.Demo-#{{version}}-macos-#{{arch}}.dmg",
      verified: "github.com/acme/demo/"
  name "Demo \\"\\#{{x}}\\""
  desc "Demonstration of names"
  homepage "https://demo.example.org"

  depends_on macos: ">= :monterey"

  app "Demo \\"\\#{{x}}\\".app"

  uninstall quit: "org.example.demo"
end
"""
    )


def test_one_processor_is_asked_for_or_stood_in_for(tmp_path: Path) -> None:
    (tmp_path / "arm").mkdir()
    arm = told(tmp_path / "arm", targets={ARM: {"formats": ("app.zip",)}})["homebrew/Casks/my-demo.rb"]
    assert "  depends_on arch: :arm64\n" in arm
    assert "aarch64.app.zip" in arm
    assert "depends_on macos" not in arm
    intel = told(tmp_path, targets={INTEL: {"floor": "10.15", "formats": ("dmg",)}})["homebrew/Casks/my-demo.rb"]
    assert "    requires_rosetta\n" in intel
    assert "depends_on" not in intel


def test_one_file_for_both_processors_needs_no_word_for_them(tmp_path: Path) -> None:
    found = told(tmp_path, targets={name: {"formats": ("dmg", "tar.gz")} for name in ("macos-universal2", ARM, INTEL)})
    cask, formula = found["homebrew/Casks/my-demo.rb"], found["homebrew/Formula/my-demo.rb"]
    assert "-macos-universal2.dmg" in cask
    assert not [word for word in ("arch", "rosetta", "arm64") if word in cask]
    assert formula.count("url ") == 1
    assert "on_arm" not in formula


def test_a_formula_has_the_archives_of_both_systems(tmp_path: Path) -> None:
    targets = {ARM: {"formats": ("tar.gz",)}, "linux-x86_64": {"formats": ("tar.gz",)}, "linux-x86_64-musl": {"formats": ("tar.gz",)}}
    found = told(tmp_path, targets=targets)
    assert list(found) == ["homebrew/Formula/my-demo.rb"]
    formula = found["homebrew/Formula/my-demo.rb"]
    assert formula.startswith("class MyDemo < Formula\n")
    assert formula.count("url ") == 2
    assert "musl" not in formula
    assert '    bin.install_symlink libexec/"demo"\n' in formula


@pytest.mark.parametrize(
    ("change", "key"), [({"summary": "x" * 81}, "desc"), ({"name": "7zip"}, "token"), ({"homepage": "ftp://x"}, "homepage")]
)
def test_what_homebrew_would_refuse_is_told(change: dict[str, str], key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="homebrew would refuse") as caught:
        told(tmp_path, product=replace(BOTH, **change))
    assert key in caught.value.why


def test_a_product_without_programs_for_the_terminal_has_no_formula(tmp_path: Path) -> None:
    found = told(tmp_path, product=replace(BOTH, executables=BOTH.executables[1:]))
    assert list(found) == ["homebrew/Casks/my-demo.rb"]
