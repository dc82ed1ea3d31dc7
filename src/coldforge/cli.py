"""The front door: one short function a verb; each imports its room only when it is called.

`--version` never imports click, and nothing here imports what a verb does not use: the cost
of starting is measured in benchmarks/start.py.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from coldforge import __version__

if TYPE_CHECKING:
    import click

    from coldforge.errors import ColdforgeError

F = TypeVar("F", bound=Callable[..., Any])
INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see docs/reference/exit-codes.md)."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        if words in (["--version"], ["-V"]):
            answer(f"coldforge {__version__}\n")
            return 0
        signal.signal(signal.SIGTERM, _interrupt)
        gc.set_threshold(50_000)  # what is imported stays: looking for garbage among it at every turn is in vain
        return _from_inputs() if words == ["ci"] else _dispatch(words)  # `ci` is how action.yml starts it
    except KeyboardInterrupt:
        # everything is cleaned up by now; what a second Ctrl-C would meet is the wait for a thread's last request
        signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(INTERRUPTED))
        _note("\ninterrupted; nothing is half-written, and running it again is safe")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return 0
    except Exception as error:
        if debug:
            raise
        return _failed(_as_expected(error))


def answer(text: str) -> None:
    """Print what was asked for on stdout: in UTF-8 whatever the locale; what is no text (parts of a file's name) as an escape.

    Raises Missing when stdout is closed or cannot be written.
    """
    if sys.stdout is None:
        raise _unprinted("standard output is closed")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:
        _drop_stdout()
        raise _unprinted(f"writing to standard output failed: {error.strerror}") from error


def _unprinted(why: str) -> ColdforgeError:
    from coldforge.errors import Missing

    return Missing(f"the answer cannot be printed: {why}")


def _drop_stdout() -> None:
    """Let what is left of the output go nowhere: Python would fail once more over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _note(text: str) -> None:
    from coldforge.report.console import put

    put(text)


def _from_inputs() -> int:
    """Run the command lines that the action's inputs stand for, until one of them fails."""
    from coldforge.ci import command_lines

    for words in command_lines(os.environ):
        sys.argv[1:] = words
        if code := _dispatch(words):
            return code
    return 0


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _dispatch(words: list[str]) -> int:
    import click

    from coldforge.commands import coldforge

    try:
        result = coldforge.main(args=words, prog_name="coldforge", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        _note(error.format_message())
        return 2
    except click.UsageError as error:
        return _usage(error)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> int:
    from coldforge.errors import ConfigurationError

    path = error.ctx.command_path if error.ctx else "coldforge"
    return _failed(ConfigurationError(error.format_message(), hint=f"`{path} --help` shows what it takes."))


def _failed(error: ColdforgeError) -> int:
    from coldforge.report import reporter, use
    from coldforge.report.reporter import Silent

    if isinstance(reporter(), Silent):  # it failed before the options were read
        use(make_reporter())
    reporter().error(error)
    return error.exit_code


def _as_expected(error: Exception) -> ColdforgeError:
    """Any exception as an error for people; what nobody foresaw is called a fault of coldforge."""
    import tempfile

    from coldforge.errors import BuildFailed, ColdforgeError, Missing
    from coldforge.host import files

    if isinstance(error, ColdforgeError):
        return error
    if isinstance(error, OSError) and files.error_number(error) in files.FULL:
        if error.filename:
            return files.no_space(Path(error.filename))
        hint = (
            f"The system does not say where: {tempfile.gettempdir()}, the output folder, and what the output is redirected to are likely."
        )
        return Missing("no disk space left", hint=hint)
    if isinstance(error, OSError) and error.filename:
        return Missing(f"{error.filename}: {error.strerror or error}", hint="Check that it exists and may be read and written.")
    if isinstance(error, OSError) and error.strerror:
        return Missing(f"the system refused: {error.strerror}")
    return BuildFailed(
        f"a fault in coldforge itself: {type(error).__name__}: {error}",
        hint="Run it again with --debug to see where, and please report it.",
    )


def make_reporter(*, verbose: bool = False, quiet: bool = False) -> Any:
    """The reporter for where we run: GitHub Actions, or a terminal."""
    from coldforge.host import clock, secrets

    if os.environ.get("GITHUB_ACTIONS") == "true":
        from coldforge.report.actions import ActionsReporter

        return ActionsReporter(now=clock.now, redact=secrets.redact, verbose=verbose, quiet=quiet)
    from coldforge.report.console import ConsoleReporter

    return ConsoleReporter(now=clock.now, redact=secrets.redact, verbose=verbose, quiet=quiet)


def common(command: F) -> F:
    """The options that every verb has."""
    import click

    @click.option("-v", "--verbose", is_flag=True, help="Show the output of the tools.")
    @click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
    @click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
    @wraps(command)
    def wrapped(*args: Any, verbose: bool, quiet: bool, debug: bool, **options: Any) -> Any:
        from coldforge.report import reporter, use

        del debug  # main() reads it before click does
        use(make_reporter(verbose=verbose, quiet=quiet))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            reporter().info(f"On a desk: {desk_command(sys.argv[1:])}")
        return command(*args, **options)

    return wrapped  # type: ignore[return-value]  # the same function, with three more options


def desk_command(words: Sequence[str]) -> str:
    """The command line that repeats a CI step on a desk, without its secrets."""
    import shlex

    shown = list(words)
    for index, word in enumerate(shown):
        if word.startswith("--identity-token="):
            shown[index] = "--identity-token=…"
        elif index and shown[index - 1] == "--identity-token":
            shown[index] = "…"
    return shlex.join(["coldforge", *shown])


def existing(path: str) -> Path:
    """A path given by a user, absolute."""
    return Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow a symlinked project folder
