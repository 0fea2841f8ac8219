"""The messages of the .proto files as classes, from `descriptors.binpb`.

They are in a pool of their own: another library in this process may define the same names, as
gRPC's health checking does.
"""

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from pricedesk.backend.grpc.statuses import Refusal, Status

FILES = FileDescriptorSet.FromString(
    Path(__file__).with_name("descriptors.binpb").read_bytes()
).file
"""The compiled .proto files."""


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FILES:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _pool()


def message_class(name: str) -> Any:  # noqa: ANN401  # a class that is made at run time
    """The class of a message by its full name."""
    return GetMessageClass(POOL.FindMessageTypeByName(name))


def read(kind: Any, data: bytes) -> Any:  # noqa: ANN401  # as message_class
    """A message from its bytes.

    Raises:
        Refusal: they are none of this kind.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        name = kind.DESCRIPTOR.full_name
        raise Refusal(Status.INVALID_ARGUMENT, f"the request is no {name}") from error
