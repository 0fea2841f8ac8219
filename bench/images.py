"""How large the two images are: against an image with an empty asyncio server on the same base.

    PYTHONPATH=tests python bench/images.py

Ours are built from their Dockerfiles, under names of their own, and removed again. The rival's base
is made smaller in the same way (`scripts/trim-image`): what ours are larger is what a service
brings with it, packages, rates and the product. In the last row the base is as it is. Sizes are
those on a disk; fetched images are packed. Needs a Docker engine, and the base image or a registry
that has it.
"""

import json
import re
import subprocess
from pathlib import Path

from _machine import print_table
from _tools import end_without, need
from engine import docker, inspected

ROOT = Path(__file__).parents[1]
TAG = "pricedesk-benchmark"

EMPTY_SERVER = """
import asyncio
async def answer(reader, writer):
    while await reader.readline():
        writer.write(b"787.47\\n")
async def main():
    await (await asyncio.start_server(answer, "", 3000)).serve_forever()
asyncio.run(main())
"""
COMMAND = f"CMD {json.dumps(['python3', '-c', EMPTY_SERVER])}"

TRIMMED = f"""
ARG BASE
FROM ${{BASE}} AS root
COPY scripts/trim-image /
RUN /trim-image && rm /trim-image
FROM scratch
COPY --from=root / /
{COMMAND}
"""
AS_IT_IS = f"""
ARG BASE
FROM ${{BASE}}
{COMMAND}
"""


def base_image() -> str:
    """What both images are made from."""
    text = (ROOT / "Dockerfile.backend").read_text(encoding="utf-8")
    [found] = re.findall(r"^ARG BASE=(.*)$", text, re.MULTILINE)
    return str(found)


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def size_mb(name: str, *build: str, typed: str | None = None) -> float:
    """Build an image and remove it: its size in millions of bytes, as Docker shows it."""
    docker("build", "--tag", name, *build, ".", typed=typed)
    try:
        return int(inspected(name)["Size"]) / 1e6
    finally:
        docker("image", "rm", name)


def main() -> None:
    need("docker")
    if not succeeds("docker", "info"):
        end_without("there is no Docker engine (Debian: docker.io)")
    base = base_image()
    if not succeeds("docker", "image", "inspect", base) and not succeeds("docker", "pull", base):
        end_without(f"{base} is not here and cannot be pulled")
    given = ("--build-arg", f"BASE={base}", "--file", "-")
    sizes = {
        "back-end": size_mb(f"{TAG}-backend", "--file", "Dockerfile.backend"),
        "front-end": size_mb(f"{TAG}-frontend", "--file", "Dockerfile.frontend"),
        "empty asyncio server": size_mb(f"{TAG}-empty", *given, typed=TRIMMED),
        "  on the base as it is": size_mb(f"{TAG}-base", *given, typed=AS_IT_IS),
    }
    rival = sizes["empty asyncio server"]
    rows = [
        [name, f"{size:.0f}", f"{size - rival:+.0f}", f"{size / rival:.2f}"]
        for name, size in sizes.items()
    ]
    print(f"made from {base}")
    print_table(["image", "MB", "more than the empty server", "times"], rows)


if __name__ == "__main__":
    main()
