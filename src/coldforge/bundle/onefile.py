"""`onefile`: one executable that unpacks itself at every start; made in the same freeze as the tree."""

from __future__ import annotations

import shutil
from pathlib import Path

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Tree
from coldforge.errors import BuildFailed, Refused
from coldforge.host import files
from coldforge.records import SINGLES
from coldforge.target import Target


class OneFile:
    """Hands out the executable that lies beside the payload, if it is still what the index says."""

    format = "onefile"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """Nothing is written anew."""
        return "copy"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        del tree  # the file comes from the freeze itself
        name = Target.parse(job.payload.target).program(job.artifact.executable)
        entry = next((single for single in job.payload.singles if single.path == name), None)
        if entry is None:
            message = f"the freeze of {job.payload.target} made no one-file program {job.artifact.executable}"
            raise BuildFailed(message, hint="Freeze again: `coldforge build --clean`.")
        source = job.folder / SINGLES / entry.path
        if source.is_file():
            shutil.copyfile(source, out)
        if not source.is_file() or files.sha256(out) != entry.sha256:  # the copy is what is handed out
            raise Refused(f"{source} has changed since it was frozen", hint="Freeze it again: `coldforge build --clean`.")
        out.chmod(0o755)
