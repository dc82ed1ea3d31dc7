"""What uv's refusals mean to whoever reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from coldforge.freeze.installer import Installer

SAID = """\
Building wheel...
Traceback (most recent call last):
  File "<string>", line 11, in <module>
    raise ValueError(message) from None
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: Invalid license expression: 'Apache 2'
error: Failed to build `/work/source`
  cause: The build backend returned an error

hint: Build failures usually indicate a problem with the package or the build environment"""


class Failing:
    """A workshop in which a build backend fails."""

    def run(self, argv: list[str], **_options: object) -> str:
        assert "--quiet" not in argv  # which hides what the backend says
        raise BuildFailed("`uv` ended with exit code 2", why=SAID, hint="The whole log: environment.log.")


def test_a_build_backend_that_fails_is_heard() -> None:
    workshop: object = Failing()
    installer = Installer(workshop=workshop, tool="uv", supply=(), indexes={}, log=Path("log"))  # type: ignore[arg-type]  # a fake
    with pytest.raises(BuildFailed, match="a build backend could not make a wheel") as caught:
        installer.build("source", env={})
    assert "ValueError: Invalid license expression: 'Apache 2'" in caught.value.why
    assert "Traceback" not in caught.value.why
    assert "hint:" not in caught.value.why
    assert "environment.log" in caught.value.hint
