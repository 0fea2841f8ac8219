"""The package's wheel: with the module in C where it can be compiled, without it elsewhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from known_lines_twins import twin
from pricedesk import __version__

ROOT = Path(__file__).parents[1]
NEEDED = ("LICENSE", "README.md", "pyproject.toml", "scripts/build_hook.py")
MODULE = "pricedesk/_known_lines.abi3.so"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a wheel is built from, as in a fresh checkout."""
    copied = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "src", copied / "src", ignore=ignored)
    for name in NEEDED:
        (copied / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copied / name)
    return copied


def wheel(project: Path, **variables: str) -> zipfile.Path:
    """Build it with these variables."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    environment = {**os.environ, **variables}
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    (made,) = (project / "dist").iterdir()
    return zipfile.Path(made)


def test_with_a_compiler_the_wheel_is_for_this_kind_of_machine(project: Path) -> None:
    twin("c")  # Or there is no compiler.
    made = wheel(project)
    assert (made / MODULE).exists()
    assert Path(str(made)).name.startswith(f"pricedesk-{__version__}-cp311-abi3-linux_")


@pytest.mark.parametrize(
    "variables",
    [
        {"BUILD_PRICEDESK_C": "no"},
        {"CC": "/nowhere/cc"},
        {"CC": "false"},
        {"CC": "true"},
        {"CC": "'cc"},
    ],
    ids=str,
)
def test_without_one_it_is_for_every_machine(project: Path, variables: dict[str, str]) -> None:
    made = wheel(project, **variables)
    assert not (made / MODULE).exists()
    assert Path(str(made)).name == f"pricedesk-{__version__}-py3-none-any.whl"
    assert not list((project / "src").rglob("*.so"))
