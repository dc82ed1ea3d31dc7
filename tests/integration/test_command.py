"""The command freezer: what real compilers and scripts make, with the gates, packages and attestations of every other freezer."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from coldforge.host.files import sha256
from coldforge.records import Manifest, Payload, read
from support import images
from support.bare import bare
from support.fake_sigstore import FakeSigstore, github_claims
from support.program import ROOT, Outcome, coldforge
from support.repository import write
from support.require import tool

pytestmark = pytest.mark.integration

GO: Final[Mapping[str, str]] = {
    # the documentation's own configuration, whole
    "coldforge.toml": re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs/how-to/commands.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)[
        0
    ],
    "go.mod": "module example.org/hello\n\ngo 1.21\n",
    "main.go": """\
package main

import (
	"fmt"
	"os"
	"runtime"
)

var version = "none"

func main() {
	_, file, _, _ := runtime.Caller(0)
	fmt.Println("hello", version, file)
	if len(os.Args) > 1 {
		os.Exit(3)
	}
}
""",
}
SCRIPT = """\
#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
cat "$here/share/words.txt"
"""
MAKE = """\
set -eu
mkdir -p "$1/bin" "$1/share/empty"
cp tree.sh "$1/bin/tree-of-files"
chmod 755 "$1/bin/tree-of-files"
date -u +"epoch %s" -d "@$SOURCE_DATE_EPOCH" > "$1/share/words.txt"
ln -s words.txt "$1/share/other.txt"
"""
TREE_CONFIG = """\
freezer = "command"

[project]
name = "tree"
version = "0.3"

[command]
run = ["sh make.sh {out}"]

[executables.tree]
entry = "bin/tree-of-files"

[smoke]
run = ["tree"]
"""
C_CONFIG = """\
freezer = "command"

[project]
name = "greet"
version = "0.4"

[command]
prepare = ["sh -c 'test $(wc -l < /proc/net/route) -gt 1'"]
run = [
  "sh -c 'test $(wc -l < /proc/net/route) -le 1'",
  'compiler-of-the-image -O2 -g -ffile-prefix-map={source}=. "-DVERSION=\\"{version}\\"" -o {out}/greet greet.c',
]
tools = ["compiler-of-the-image --version"]

[smoke]
run = ["greet"]
"""
C: Final[Mapping[str, str]] = {
    "coldforge.toml": C_CONFIG,
    "greet.c": '#include <stdio.h>\nint main(void) { return printf("greet %s from %s\\n", VERSION, __FILE__) < 0; }\n',
    "matrix.yml": "targets:\n  linux-x86_64: {container: own, floor: glibc-2.36, formats: [tar.gz, deb, onefile]}\n",
    "containers/own.Dockerfile": """\
ARG BASE
FROM ${BASE}
RUN mkdir -p /opt/own/bin && ln -s /usr/bin/gcc /opt/own/bin/compiler-of-the-image
ENV PATH=/opt/own/bin:$PATH
""",
}
FORMATS = "targets:\n  linux-x86_64: {{container: '{container}', formats: [{formats}]}}\n"
TREE: Final[Mapping[str, str]] = {
    "coldforge.toml": TREE_CONFIG,
    "make.sh": MAKE,
    "tree.sh": SCRIPT,
    "matrix.yml": FORMATS.format(container="", formats="tar.gz, deb"),
}


def made(dist: Path) -> dict[str, bytes]:
    """The artifacts and records below `dist/`."""
    return {path.name: path.read_bytes() for path in dist.rglob("*") if path.is_file() and not {"logs", ".lock"} & set(path.parts)}


def build_go(folder: Path, env: dict[str, str], umask: int) -> Path:
    project = write(folder / "source", GO)
    env = {**env, "COLDFORGE_CACHE": str(folder / "cache")}
    return _built(coldforge("build", project, "--host", "--out", folder / "dist", env=env, umask=umask), folder / "dist")


def _built(outcome: Outcome, dist: Path) -> Path:
    outcome.succeeded()
    return dist


@pytest.fixture(scope="module")
def go(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dist/` of a Go program."""
    tool("go", "https://go.dev/doc/install")
    return build_go(tmp_path_factory.mktemp("go"), host_env, 0o022)


def test_go_twice_from_other_places_is_identical(go: Path, host_env: dict[str, str], tmp_path: Path) -> None:
    odd = {**host_env, "TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "USER": "another", "GOFLAGS": "-ldflags=-X=main.version=other"}
    (tmp_path / "ünïcode deeper").mkdir()
    assert made(build_go(tmp_path / "ünïcode deeper", odd, 0o077)) == made(go)


def test_the_package_of_a_go_program_works_where_there_is_no_go(go: Path, bare_image: str) -> None:
    with bare(bare_image) as system:
        system.install(go / "linux-x86_64" / "hello_1.2.0_amd64.deb")
        said = system.do("hello", user="person")
        assert said.split()[:2] == ["hello", "1.2.0"]
        assert str(go.parent) not in said
        assert "/tmp" not in said
        system.remove("hello")


# The documentation's own lines for a compiler that makes programs of every system.
EVERYWHERE: Final = re.search(
    r"^```toml\n(\[command\]\nrun = .{2}sh -c.*?)^```", (ROOT / "docs/how-to/commands.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
FOR_WINDOWS: Final = "targets:\n  windows-x86_64: {runner: ubuntu-24.04, formats: [zip, onefile, nsis, msi]}\n"


def test_go_for_windows_is_compiled_here_and_its_installers_are_tried_by_wine(container_env: dict[str, str], tmp_path: Path) -> None:
    """On Linux, with nothing of Windows' but Wine at the end; and built again it is the same."""
    assert EVERYWHERE
    config = f'{GO["coldforge.toml"].partition("[command]")[0]}{EVERYWHERE[1]}\n[smoke]\nrun = ["hello"]\n'
    wine = images.wine_entry()
    own = {"coldforge.toml": config, "matrix.yml": FOR_WINDOWS, "containers/images.toml": wine}
    project, dist = write(tmp_path / "source", {**GO, **own}), tmp_path / "dist"
    words: list[str | Path] = ["build", project, "--target", "windows-x86_64", "--out", dist]
    said = coldforge(*words, env=container_env).succeeded().err
    assert "The smoke commands are not run: there is no Wine where the tree was made" in said
    (record,) = read(dist / "manifest.json", Manifest).targets
    (trial,) = record.smoke.trials
    assert {artifact.format for artifact in record.artifacts} == {"zip", "onefile", "nsis", "msi"}
    assert set(trial.artifacts) == {artifact.name for artifact in record.artifacts}
    assert (trial.system[:7], trial.commands, record.smoke.unproven) == ("Wine 10", ("hello",), ())
    assert (record.freezer, record.environment.workshop, record.environment.network) == ("command", "host", "off")
    payload = read(dist / "windows-x86_64/payload.json", Payload)
    assert [(entry.path, entry.kind, entry.mode) for entry in payload.files] == [("hello.exe", "executable", 0o755)]
    assert {"floor", "missing-library", "protection"} <= set(payload.gates)
    (tmp_path / "wanted").mkdir()
    shutil.copy(dist / "manifest.json", tmp_path / "wanted")
    again: list[str | Path] = ["rebuild", tmp_path / "wanted", "--unverified", "--source", project]
    coldforge(*again, env=container_env).failed(3, "cannot be rebuilt on linux-x86_64")
    coldforge(*again, "--host", env=container_env).succeeded()


def test_one_program_alone_is_its_own_one_file_program(go: Path) -> None:
    single = go / "linux-x86_64" / "hello-1.2.0-linux-x86_64"
    assert single.read_bytes() == (go / "linux-x86_64" / "payload" / "hello").read_bytes()
    assert subprocess.run([single, "x"], check=False, capture_output=True).returncode == 3


def test_what_made_it_is_recorded(go: Path) -> None:
    (target,) = read(go / "manifest.json", Manifest).targets
    said = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout.strip()
    assert (target.freezer, target.environment.tools) == ("command", {"go version": said})
    assert target.environment.interpreter is None
    assert target.environment.glibc.startswith("glibc-2.")


def test_it_is_built_again_from_its_manifest_alone(go: Path, host_env: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(go / "manifest.json", tmp_path)
    coldforge("rebuild", tmp_path, "--unverified", "--source", go.parent / "source", "--host", env=host_env).succeeded()


def test_it_is_attested_and_verified_like_everything_else(go: Path, host_env: dict[str, str], tmp_path: Path) -> None:
    dist, trust = shutil.copytree(go, tmp_path / "dist"), tmp_path / "trust.json"
    commit = read(dist / "manifest.json", Manifest).source.commit
    with FakeSigstore() as sigstore:
        trust.write_text(sigstore.trust_config())
        token = sigstore.token(github_claims("acme/hello", sha=commit, ref="refs/tags/v1.2.0"))
        coldforge("attest", dist, "--trust-config", trust, "--identity-token", token, env=host_env).succeeded()
    words: list[str | Path] = ["verify", dist, "--trusted-root", trust, "--repo", "acme/hello", "--tag", "v1.2.0", "--offline"]
    assert "hello_1.2.0_amd64.deb" in coldforge(*words, env=host_env).succeeded().err
    (dist / "linux-x86_64" / "hello_1.2.0_amd64.deb").write_bytes(b"another")
    coldforge(*words, env=host_env).failed(1, "hello_1.2.0_amd64.deb")


def test_rust_whose_compiler_decides_where_it_writes(host_env: dict[str, str], tmp_path: Path) -> None:
    tool("cargo", "https://rustup.rs")
    config = """\
freezer = "command"

[project]
name = "greet"
version = "0.1"

[command]
run = ["env 'RUSTFLAGS=--remap-path-prefix={source}=.' cargo build --release --offline"]
output = "target/release/greet"
environment = ["RUSTUP_HOME", "RUSTUP_TOOLCHAIN"]
tools = ["rustc --version"]

[smoke]
run = ["greet"]
"""
    sources = {
        "coldforge.toml": config,
        "Cargo.toml": '[package]\nname = "greet"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/main.rs": 'fn main() { println!("greet from {}", file!()); }\n',
    }
    env = {**host_env, "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))}
    found = []
    for name in ("a", "b"):
        project = write(tmp_path / name / "source", sources)
        own = {**env, "COLDFORGE_CACHE": str(tmp_path / name / "cache")}
        found.append(
            made(_built(coldforge("build", project, "--host", "--out", tmp_path / name / "dist", env=own), tmp_path / name / "dist"))
        )
    assert found[0] == found[1]
    payload = read(tmp_path / "a/dist/linux-x86_64/payload.json", Payload)
    assert [entry.path for entry in payload.files] == ["greet"]
    assert payload.environment.tools["rustc --version"].startswith("rustc 1.")


def build_nuitka(folder: Path, env: dict[str, str], umask: int) -> Path:
    """The documentation's own lines, of a program that needs a compiled module of the standard library and a file beside it."""
    pages = (ROOT / "docs/how-to/commands.md").read_text("utf-8")
    (config,) = (text for text in re.findall(r"^```toml\n(.*?)^```", pages, re.MULTILINE | re.DOTALL) if "nuitka" in text)
    sources = {
        "pyproject.toml": f'[project]\nname = "sums"\nversion = "1.0"\n\n{config}\n[tool.coldforge.executables.sums]\nentry = "sums"\n',
        "main.py": (
            "import hashlib, sqlite3, sys\n"
            "print(hashlib.sha256(sys.argv[1].encode()).hexdigest(), sqlite3.connect(':memory:').total_changes)\n"
        ),
        "matrix.yml": FORMATS.format(container="", formats="tar.gz, deb"),
    }
    own = {**env, "COLDFORGE_CACHE": str(folder / "cache"), "CCACHE_DISABLE": "1", "XDG_CACHE_HOME": str(folder / "helpers")}
    return _built(
        coldforge("build", write(folder / "source", sources), "--host", "--out", folder / "dist", env=own, umask=umask), folder / "dist"
    )


def test_nuitka_from_the_package_index_gives_the_same_bytes_twice_and_runs_without_python(
    host_env: dict[str, str], bare_image: str, tmp_path: Path
) -> None:
    tool("gcc", "apt-get install gcc")
    first, second = (build_nuitka(tmp_path / name, host_env, umask) for name, umask in (("a", 0o022), ("a deeper folder", 0o077)))
    assert made(first) == made(second)
    with bare(bare_image) as system:
        system.install(first / "linux-x86_64" / "sums_1.0.0_amd64.deb")
        assert system.do("sums abc", user="person").split() == [hashlib.sha256(b"abc").hexdigest(), "0"]
        system.remove("sums")


def build_c(folder: Path, image: str, env: dict[str, str], umask: int) -> Path:
    entry = f'[own]\nbase = "{image}"\ndockerfile = "own.Dockerfile"\nglibc = "2.36"\n'
    project = write(folder / "source", {**C, "containers/images.toml": entry})
    env = {**env, "COLDFORGE_CACHE": str(folder / "cache")}
    return _built(coldforge("build", project, "--out", folder / "dist", env=env, umask=umask), folder / "dist")


def test_c_in_a_container_is_identical_from_other_places_and_works_where_no_compiler_is(
    container_env: dict[str, str], bare_image: str, tmp_path: Path
) -> None:
    image = images.image(images.COMPILE)
    one = build_c(tmp_path / "one", image, container_env, 0o022)
    odd = {**container_env, "TZ": "Pacific/Chatham", "CFLAGS": "-O0", "USER": "another"}
    assert made(build_c(tmp_path / "another folder", image, odd, 0o077)) == made(one)
    payload = read(one / "linux-x86_64" / "payload.json", Payload)
    assert payload.environment.workshop.startswith(f"{image}+sha256:")
    assert "12." in payload.environment.tools["compiler-of-the-image --version"]
    assert payload.needs == ()
    with bare(bare_image) as system:
        system.install(one / "linux-x86_64" / "greet_0.4.0_amd64.deb")
        assert system.do("greet", user="person") == "greet 0.4 from greet.c\n"
        system.remove("greet")


@pytest.mark.parametrize("place", ["host", "container"])
def test_a_tree_of_scripts(place: str, host_env: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    image = request.getfixturevalue("bare_image") if place == "container" else ""
    project = write(tmp_path / "source", {**TREE, "matrix.yml": FORMATS.format(container=image, formats="tar.gz, deb")})
    coldforge("build", project, "--out", tmp_path / "dist", env=host_env).succeeded()
    payload = read(tmp_path / "dist/linux-x86_64/payload.json", Payload)
    assert {entry.path: entry.kind for entry in payload.files} == {
        "bin/tree-of-files": "executable",
        "share/empty": "directory",
        "share/other.txt": "link",
        "share/words.txt": "data",
        "tree": "link",
    }
    assert (payload.environment.workshop, payload.environment.network) == (image or "host", "off")
    with tarfile.open(tmp_path / "dist/linux-x86_64/tree-0.3.0-linux-x86_64.tar.gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert subprocess.run([tmp_path / "out/tree-0.3.0/tree"], check=True, capture_output=True, text=True).stdout == "epoch 1767323045\n"


def freeze(folder: Path, env: dict[str, str], *options: str, **changes: str) -> Outcome:
    """Freeze the tree of scripts with other files (`coldforge` for coldforge.toml and so on)."""
    project = write(folder / "source", {name: changes.get(Path(name).stem, text) for name, text in TREE.items()})
    return coldforge("freeze", project, "--host", "--out", folder / "dist", *options, env=env)


def test_nothing_changed_does_nothing_and_each_variable_that_is_let_through_counts(host_env: dict[str, str], tmp_path: Path) -> None:
    config = TREE_CONFIG.replace("[executables", 'environment = ["SHOWN"]\n\n[executables')
    script = MAKE + 'echo "${SHOWN-} ${HIDDEN-}" > "$1/share/words.txt"\n'
    words: list[str | Path] = ["freeze", tmp_path / "source", "--host", "--out", tmp_path / "dist"]
    freeze(tmp_path, {**host_env, "SHOWN": "one", "HIDDEN": "x"}, coldforge=config, make=script).succeeded()
    file = tmp_path / "dist/linux-x86_64/payload/share/words.txt"
    assert file.read_text() == "one \n"
    assert "Nothing has changed" in coldforge(*words, env={**host_env, "SHOWN": "one", "HIDDEN": "y"}).succeeded().err
    assert "Nothing has changed" not in coldforge(*words, env={**host_env, "SHOWN": "two"}).succeeded().err
    assert file.read_text() == "two \n"


def test_a_tool_that_the_commands_make_first_is_recorded(host_env: dict[str, str], tmp_path: Path) -> None:
    """As the compiler is that `pip install` puts into a virtual environment of the build's own, such as Nuitka."""
    prepare = 'prepare = ["cp /bin/echo own"]\ntools = ["./own made 1"]\n'
    freeze(tmp_path, host_env, coldforge=TREE_CONFIG.replace("[executables", f"{prepare}\n[executables")).succeeded()
    payload = read(tmp_path / "dist/linux-x86_64/payload.json", Payload)
    assert payload.environment.tools == {"./own made 1": "made 1"}


def test_another_compiler_on_this_machine_is_another_build(host_env: dict[str, str], tmp_path: Path) -> None:
    compiler = tmp_path / "bin" / "mine"
    compiler.parent.mkdir()
    env = {**host_env, "PATH": f"{compiler.parent}:{host_env['PATH']}"}
    words: list[str | Path] = ["freeze", tmp_path / "source", "--host", "--out", tmp_path / "dist"]
    for number, text in enumerate(("mine 1", "mine 2")):
        compiler.write_text(f"#!/bin/sh\necho {text}\n", encoding="utf-8")
        compiler.chmod(0o755)
        config = TREE_CONFIG.replace("[executables", 'tools = ["mine --version"]\n\n[executables')
        (coldforge(*words, env=env) if number else freeze(tmp_path, env, coldforge=config)).succeeded()
        environment = read(tmp_path / "dist/linux-x86_64/payload.json", Payload).environment
        assert environment.tools == {"mine --version": text}
        assert (environment.programs["mine"], sorted(environment.programs)) == (sha256(compiler), ["mine", "sh"])
    compiler.unlink()
    coldforge(*words, env=env).failed(3, "mine is not installed", "[tool.coldforge.command]")


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of this machine on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_only_what_prepares_has_a_network(listening: int, host_env: dict[str, str], tmp_path: Path) -> None:
    ask = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{listening}'"
    with_network = TREE_CONFIG.replace("run = [", f'prepare = ["{ask}"]\nrun = [', 1)
    freeze(tmp_path / "a", host_env, coldforge=with_network).succeeded()
    without = TREE_CONFIG.replace("run = [", f'run = ["{ask}", ', 1)
    freeze(tmp_path / "b", host_env, coldforge=without).failed(4, "/dev/tcp", "command.log")


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [
        ("echo to nobody >&2; exit 7", 4, ("`sh` ended with exit code 7", "to nobody", "command.log")),
        ('ln -s /etc "$1/share/etc"', 1, ("a link leads out of its folder", "share/etc -> /etc")),
        ('ln -s ../../source/make.sh "$1/share/out"', 1, ("a link leads out of its folder", "share/out")),
        ('rm -r "$1"; ln -s /etc "$1"', 1, ("a link leads out of its folder",)),
        ('mkfifo "$1/share/pipe"', 1, ("share/pipe is neither file, folder nor link",)),
        ('rm -r "$1"/*', 4, ("left nothing in {out}",)),
        ('chmod 644 "$1/bin/tree-of-files"', 4, ("bin/tree-of-files cannot be executed", "chmod +x")),
        ('rm "$1/bin/tree-of-files"', 4, ("did not make bin/tree-of-files", "[tool.coldforge.executables.tree]")),
        ('mkdir "$1/tree"', 4, ("something else that is called tree",)),
        ('echo "exit 1" > "$1/bin/tree-of-files"', 1, ("`tree` does not work when it is frozen", "smoke.log")),
    ],
)
def test_what_cannot_be_packaged_is_told(extra: str, code: int, words: tuple[str, ...], host_env: dict[str, str], tmp_path: Path) -> None:
    freeze(tmp_path, host_env, make=f"{MAKE}{extra}\n").failed(code, *words)
    assert {path.name for path in (tmp_path / "dist/linux-x86_64").iterdir()} <= {"logs"}


def test_a_link_out_of_a_container_is_refused_too(host_env: dict[str, str], bare_image: str, tmp_path: Path) -> None:
    matrix = FORMATS.format(container=bare_image, formats="tar.gz")
    project = write(tmp_path / "source", {**TREE, "matrix.yml": matrix, "make.sh": f'{MAKE}ln -s /etc "$1/share/etc"\n'})
    coldforge("freeze", project, "--out", tmp_path / "dist", env=host_env).failed(1, "a link leads out of its folder", "/etc")


def test_what_output_names_must_be_made(host_env: dict[str, str], tmp_path: Path) -> None:
    config = TREE_CONFIG.replace("[executables", 'output = "target/tree"\n\n[executables')
    freeze(tmp_path, host_env, coldforge=config).failed(4, "did not make target/tree", "output")


def test_a_tree_of_more_than_programs_is_no_one_file_program(host_env: dict[str, str], tmp_path: Path) -> None:
    matrix = FORMATS.format(container="", formats="onefile")
    freeze(tmp_path, host_env, matrix=matrix).failed(4, "the commands also made share/words.txt", "matrix.yml")


def test_the_gates_are_the_same(host_env: dict[str, str], tmp_path: Path) -> None:
    matrix = "targets:\n  linux-x86_64: {floor: glibc-2.3, formats: [tar.gz]}\n"
    script = MAKE + 'cp /bin/ls "$1/bin/listing"\n'
    freeze(tmp_path, host_env, matrix=matrix, make=script).failed(1, "[floor] bin/listing", "glibc-2.3 is promised")


def test_a_library_that_no_system_has_is_missed_in_every_format(host_env: dict[str, str], tmp_path: Path) -> None:
    """An archive asks nobody for it: the program would die where it is unpacked."""
    matrix = "targets:\n  linux-x86_64: {formats: [tar.gz]}\n"
    script = MAKE + "gcc -shared -x c /dev/null -o libnowhere.so -Wl,-soname,libnowhere.so.3\n"
    script += 'printf "int main(void) { return 0; }" | gcc -x c - -x none -Wl,--no-as-needed libnowhere.so -o "$1/bin/needy"\n'
    told = ("[missing-library] libnowhere.so.3 is not in the tree, and is needed by bin/needy", "[tool.coldforge.deb] depends")
    freeze(tmp_path, host_env, matrix=matrix, make=script).failed(1, *told)
