"""`python -m coldforge` is the same program as the `coldforge` command."""

from coldforge.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
