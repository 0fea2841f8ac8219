"""gRPC's server reflection: which services there are, and their definitions, in both versions."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from pricedesk.backend.grpc.definitions import FILES, message_class, read
from pricedesk.backend.grpc.statuses import Status
from pricedesk.errors import in_quotes

VERSIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


def _symbols(file: FileDescriptorProto) -> Iterator[str]:
    """Everything that a file defines, by its full name."""
    for service in file.service:
        yield f"{file.package}.{service.name}"
        for method in service.method:
            yield f"{file.package}.{service.name}.{method.name}"
    for enum in file.enum_type:
        yield f"{file.package}.{enum.name}"
    yield from _of_messages(file.package, file.message_type)


def _of_messages(scope: str, messages: Iterable[DescriptorProto]) -> Iterator[str]:
    for message in messages:
        name = f"{scope}.{message.name}"
        yield name
        for field in message.field:
            yield f"{name}.{field.name}"
        for enum in message.enum_type:
            yield f"{name}.{enum.name}"
        yield from _of_messages(name, message.nested_type)


_BY_NAME = {file.name: file.SerializeToString() for file in FILES}
_BY_SYMBOL = {symbol: _BY_NAME[file.name] for file in FILES for symbol in _symbols(file)}


class Reflection:
    """Answers one message of a stream, in the messages of one version of the protocol."""

    def __init__(self, package: str, names: Collection[str]) -> None:
        self._request = message_class(f"{package}.ServerReflectionRequest")
        self._response = message_class(f"{package}.ServerReflectionResponse")
        self._names = sorted(names)

    def answer(self, data: bytes) -> bytes:
        """What is asked for, or in the answer that there is no such thing.

        Raises:
            Refusal: the bytes are no request.
        """
        request = read(self._request, data)
        response = self._response(valid_host=request.host, original_request=request)
        match request.WhichOneof("message_request"):
            case "list_services":
                for name in self._names:
                    response.list_services_response.service.add(name=name)
            case "file_by_filename":
                _tell(response, request.file_by_filename, _BY_NAME)
            case "file_containing_symbol":
                _tell(response, request.file_containing_symbol, _BY_SYMBOL)
            case "file_containing_extension":
                _refuse(response, request.file_containing_extension.containing_type)
            case "all_extension_numbers_of_type":
                # Which there are none of, as of any message.
                asked = request.all_extension_numbers_of_type
                if asked in _BY_SYMBOL:
                    response.all_extension_numbers_response.base_type_name = asked
                else:
                    _refuse(response, asked)
            case _:
                _refuse(response, "", Status.INVALID_ARGUMENT)
        data = response.SerializeToString()
        assert isinstance(data, bytes)  # noqa: S101  # what protobuf's types leave open
        return data


def _tell(response: Any, name: str, known: dict[str, bytes]) -> None:  # noqa: ANN401  # a message
    if name in known:
        response.file_descriptor_response.file_descriptor_proto.append(known[name])
    else:
        _refuse(response, name)


def _refuse(response: Any, name: str, status: Status = Status.NOT_FOUND) -> None:  # noqa: ANN401  # a message
    response.error_response.error_code = int(status)
    response.error_response.error_message = f"{in_quotes(name)} is not defined here"
