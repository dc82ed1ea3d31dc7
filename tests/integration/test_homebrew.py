"""The cask and the formula, evaluated by Ruby: with stand-ins that write down what Homebrew's own words would be told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from coldforge.shops import homebrew
from support.brew import ARM, INTEL, told
from support.require import tool

pytestmark = pytest.mark.integration
CASK: Final = """
require "json"
class Words < BasicObject
  def initialize(processor) = (@processor, @told = processor, {})
  def arch(**found) = found.empty? ? @arch : (@arch = found[@processor])
  def version(*found) = found.empty? ? @version : (@version = found[0])
  def method_missing(name, *found, **named, &block)
    @told[name] = named.empty? ? found : found + [named]
    @told[name] = instance_eval(&block) if block
    @told
  end
  def told = @told
end
def cask(token, &block)
  puts JSON.dump(%i[arm intel].to_h { |one| words = Words.new(one); words.instance_eval(&block); [one, words.told.merge(token: token)] })
end
load ARGV[0]
"""
FORMULA: Final = """
require "json"
require "pathname"
TOLD = []
class Formula
  def self.method_missing(name, *found, &block) = block ? block.call : TOLD << [name, *found]
  def self.test = nil
  def libexec = Pathname.new("libexec").tap { |path| def path.install(*found) = TOLD << [:install, found.length] }
  def bin = Pathname.new("bin").tap { |path| def path.install_symlink(found) = TOLD << [:link, found.to_s] }
end
load ARGV[0]
Object.const_get(ARGV[1]).new.install
puts JSON.dump(TOLD)
"""


def evaluated(program: str, *words: str | Path) -> Any:
    ruby = tool("ruby", "apt-get install ruby")
    done = subprocess.run([ruby, "-w", "-e", program, *map(str, words)], check=True, capture_output=True, text=True)
    assert not [line for line in done.stderr.splitlines() if str(words[0]) in line], done.stderr
    return json.loads(done.stdout)


def test_ruby_understands_the_cask(tmp_path: Path) -> None:
    told(tmp_path)
    found = evaluated(CASK, tmp_path / "out" / "homebrew" / "Casks" / "my-demo.rb")
    place = "https://github.com/acme/demo/releases/download/v1.2.0"
    for processor, arch in (("arm", "aarch64"), ("intel", "x86_64")):
        said = found[processor]
        assert said["token"] == "my-demo"
        assert said["url"] == [f"{place}/My.Demo-1.2.0-macos-{arch}.dmg", {"verified": "github.com/acme/demo/"}]
        assert said["sha256"] == [{"arm": "ab" * 32, "intel": "ab" * 32}]
        assert said["name"] == ['Demo "#{x}"']
        assert said["app"] == ['Demo "#{x}".app']
        assert said["depends_on"] == [{"macos": ">= :monterey"}]


def test_ruby_understands_the_formula(tmp_path: Path) -> None:
    told(tmp_path, targets={name: {"formats": ("tar.gz",)} for name in (ARM, INTEL, "linux-x86_64")})
    path = tmp_path / "out" / "homebrew" / "Formula" / "my-demo.rb"
    found = evaluated(FORMULA, path, homebrew.class_name("my-demo"))
    urls = [words[1] for words in found if words[0] == "url"]
    assert [url.rpartition("/")[2] for url in urls] == [
        "My.Demo-1.2.0-macos-aarch64.tar.gz",
        "My.Demo-1.2.0-macos-x86_64.tar.gz",
        "My.Demo-1.2.0-linux-x86_64.tar.gz",
    ]
    assert ["license", "MIT"] in found
    assert ["link", "libexec/demo"] in found
