"""Compile the package's one module in C, if it can be: for whoever builds the package.

Without a C compiler or Python's headers nothing is compiled, and the package is the same but
slower at its lines. PRICEDESK_COMPILE=no leaves it out in any case.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/pricedesk/_known_lines.c")
COMPILED = SOURCE.with_suffix(".abi3.so")
OPTIONS = ["-O2", "-shared", "-fPIC", "-Wall", "-Wextra"]


class CompileHook(BuildHookInterface[Any]):
    """Runs before a wheel or an editable installation is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, and say that the wheel is for this kind of machine only."""
        root = Path(self.root)
        (root / COMPILED).unlink(missing_ok=True)
        if os.environ.get("PRICEDESK_COMPILE") == "no" or not compiled(root):
            return
        build_data["artifacts"].append(f"/{COMPILED}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


def compiled(root: Path) -> bool:
    """Whether the module could be compiled."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return False
    compiler = shlex.split(os.environ.get("CC") or "cc")
    headers = sysconfig.get_path("include")
    command = [*compiler, *OPTIONS, f"-I{headers}", "-o", str(COMPILED), str(SOURCE)]
    try:
        done = subprocess.run(  # noqa: S603  # who builds chooses the compiler
            command, cwd=root, capture_output=True, text=True, check=False
        )
    except OSError as error:
        print(f"{SOURCE} is not compiled: {error}", file=sys.stderr)
        return False
    if done.returncode:
        print(f"{SOURCE} is not compiled:\n{done.stderr}", file=sys.stderr)
    return done.returncode == 0
