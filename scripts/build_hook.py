"""Compile the package's one module in C, if it can be: for whoever builds the package.

Without a C compiler or Python's headers nothing is compiled, and the package is the same but
slower at its lines. BUILD_PRICEDESK_C=no leaves it out in any case.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

SOURCE = Path("src/pricedesk/_known_lines.c")
COMPILED = SOURCE.with_suffix(".abi3.so")
OPTIONS = ["-O2", "-shared", "-fPIC", "-Wall", "-Wextra"]


class CompileHook(BuildHookInterface[Any]):
    """Runs before a wheel or an editable installation is made.

    An editable installation has the module beside its source, in place of an older one; a wheel
    has one that is compiled somewhere else.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this kind of machine only."""
        root = Path(self.root)
        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name) / COMPILED.name
        is_made = os.environ.get("BUILD_PRICEDESK_C") != "no" and compiled(root / SOURCE, made)
        if version == "editable":
            (root / COMPILED).unlink(missing_ok=True)
            if is_made:
                (root / COMPILED).write_bytes(made.read_bytes())
        elif is_made:
            build_data["force_include"][str(made)] = f"pricedesk/{COMPILED.name}"
        if is_made:
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  # the interface
        """The wheel is made."""
        self._folder.cleanup()


def platform() -> str:
    """The plain name of this kind of machine, as installers know it."""
    return next(tag for tag in platform_tags() if tag.startswith("linux_"))


def compiled(source: Path, made: Path) -> bool:
    """Whether the module could be compiled."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return False
    try:
        compiler = shlex.split(os.environ.get("CC") or "cc")
        headers = sysconfig.get_path("include")
        command = [*compiler, *OPTIONS, f"-I{headers}", "-o", str(made), str(source)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # who builds chooses the compiler
    except (OSError, ValueError) as error:
        print(f"{source.name} is not compiled: {error}", file=sys.stderr)
        return False
    if done.returncode or not made.exists():
        said = done.stderr.decode(errors="replace")
        print(f"{source.name} is not compiled:\n{said}", file=sys.stderr)
        return False
    return True
