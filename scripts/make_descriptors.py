"""Write `descriptors.binpb`: what the gRPC door's .proto files define, compiled.

Run it after a change of a .proto file; a test says when it was forgotten. With a path the
definitions are written there.
"""

import sys
from pathlib import Path

from grpc_tools import protoc

DOOR = Path(__file__).parents[1] / "src" / "pricedesk" / "backend" / "grpc"
PROTOS = DOOR / "protos"


def main() -> int:
    """Compile all .proto files; gives the compiler's exit code."""
    output = sys.argv[1] if len(sys.argv) > 1 else DOOR / "descriptors.binpb"
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    words = ["protoc", f"--proto_path={PROTOS}", f"--descriptor_set_out={output}", *files]
    return int(protoc.main(words))


if __name__ == "__main__":
    sys.exit(main())
