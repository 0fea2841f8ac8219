"""Health, reflection and the files that define the messages."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc import StatusCode, aio

from grpc_doors import Caller, Running, told
from pricedesk.backend.grpc.definitions import FILES, POOL, message_class
from pricedesk.backend.grpc.methods import Method
from pricedesk.backend.surroundings import Readiness

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_descriptors.py"

HEALTH = "/grpc.health.v1.Health"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = b"\x08\x01", b"\x08\x02", b"\x08\x03"
SERVICES = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "hipstershop.CurrencyService",
    "oteldemo.CurrencyService",
    "pricedesk.v1.Quotes",
    "pricedesk.v1.Rates",
]


def named(service: str) -> bytes:
    """A HealthCheckRequest."""
    return b"\x0a" + bytes((len(service),)) + service.encode()


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_each_service_and_the_server_say_that_they_serve(
    client: Caller, service: str
) -> None:
    assert await client.ask(f"{HEALTH}/Check", named(service)) == SERVING


@pytest.mark.parametrize("service", ["hipstershop", "hipstershop.currencyservice", "x"])
async def test_a_service_that_there_is_not_is_not_found(client: Caller, service: str) -> None:
    error = await client.refusal(f"{HEALTH}/Check", named(service))
    assert told(error) == (StatusCode.NOT_FOUND, f'there is no service "{service}"', None)


async def test_they_do_not_serve_when_they_are_about_to_end(
    client: Caller, readiness: Readiness
) -> None:
    readiness.drain()
    assert await client.ask(f"{HEALTH}/Check") == NOT_SERVING
    service = named("hipstershop.CurrencyService")
    assert await client.ask(f"{HEALTH}/Check", service) == NOT_SERVING


async def test_who_watches_is_told_of_each_change(client: Caller, readiness: Readiness) -> None:
    watch = client.stream(f"{HEALTH}/Watch")
    assert await watch.read() == SERVING
    readiness.drain()
    assert await watch.read() == NOT_SERVING
    readiness.draining = False
    assert await watch.read() == SERVING
    watch.cancel()


async def test_who_watches_is_told_of_the_end_before_the_stream_ends(
    door: Running, client: Caller, readiness: Readiness
) -> None:
    watches = [client.stream(f"{HEALTH}/Watch", named(name)) for name in ("", *SERVICES)]
    assert [await watch.read() for watch in watches] == [SERVING] * len(watches)
    readiness.drain()
    draining = asyncio.ensure_future(door.door.drain(5))
    assert [await watch.read() for watch in watches] == [NOT_SERVING] * len(watches)
    for watch in watches:
        watch.cancel()
    await draining


async def test_headers_up_to_the_limit_are_taken_each_time_and_more_are_not(
    client: Caller,
) -> None:
    check: aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(f"{HEALTH}/Check")
    for _ in range(20):
        assert await check(b"", metadata=(("note", "a" * 15_800),)) == SERVING
    with pytest.raises(aio.AioRpcError) as refusal:
        await check(b"", metadata=(("note", "a" * 16_384),))
    assert refusal.value.code() is StatusCode.RESOURCE_EXHAUSTED


async def test_a_service_that_there_is_not_may_be_watched(client: Caller) -> None:
    watch = client.stream(f"{HEALTH}/Watch", named("later"))
    assert await watch.read() == SERVICE_UNKNOWN
    watch.cancel()


async def test_bytes_that_are_no_request_are_refused(client: Caller) -> None:
    for method in ("Check", "Watch"):
        call = client.stream(f"{HEALTH}/{method}", b"\x0a")
        with pytest.raises(
            Exception, match=r"the request is no grpc\.health\.v1\.HealthCheckRequest"
        ):
            await call.read()


VERSIONS = ["v1", "v1alpha"]


async def reflected(client: Caller, version: str, **asked: object) -> object:
    """The answer to one message of a reflection stream."""
    package = f"grpc.reflection.{version}"
    request = message_class(f"{package}.ServerReflectionRequest")(**asked)
    method = f"/{package}.ServerReflection/ServerReflectionInfo"
    [answer] = await client.each(method, [request.SerializeToString()])
    response = message_class(f"{package}.ServerReflectionResponse").FromString(answer)
    assert response.original_request == request
    return response


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_lists_all_services(client: Caller, version: str) -> None:
    response = await reflected(client, version, list_services="*")
    assert [found.name for found in response.list_services_response.service] == SERVICES  # type: ignore[attr-defined]  # a message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ({"file_containing_symbol": "hipstershop.CurrencyService"}, "hipstershop.proto"),
        ({"file_containing_symbol": "hipstershop.CurrencyService.Convert"}, "hipstershop.proto"),
        ({"file_containing_symbol": "oteldemo.Money"}, "oteldemo.proto"),
        ({"file_containing_symbol": "oteldemo.Money.nanos"}, "oteldemo.proto"),
        (
            {"file_containing_symbol": "grpc.health.v1.HealthCheckResponse.ServingStatus"},
            "grpc/health/v1/health.proto",
        ),
        ({"file_by_filename": "oteldemo.proto"}, "oteldemo.proto"),
    ],
)
async def test_reflection_gives_definitions(
    client: Caller, version: str, asked: dict[str, str], file: str
) -> None:
    response = await reflected(client, version, **asked)
    [data] = response.file_descriptor_response.file_descriptor_proto  # type: ignore[attr-defined]  # a message
    assert FileDescriptorProto.FromString(data).name == file


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"file_containing_symbol": "hipstershop.Nothing"}, 5),
        ({"file_by_filename": "nothing.proto"}, 5),
        ({"all_extension_numbers_of_type": "nothing"}, 5),
        ({"file_containing_extension": {"containing_type": "hipstershop.Money"}}, 5),
        ({}, 3),
    ],
)
async def test_reflection_says_what_it_does_not_know(
    client: Caller, asked: dict[str, str], code: int
) -> None:
    response = await reflected(client, "v1", **asked)
    assert response.error_response.error_code == code  # type: ignore[attr-defined]  # a message


async def test_reflection_answers_in_order_and_any_number(client: Caller) -> None:
    request = message_class("grpc.reflection.v1.ServerReflectionRequest")
    messages = [request(host=str(i), list_services="").SerializeToString() for i in range(200)]
    method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    response = message_class("grpc.reflection.v1.ServerReflectionResponse")
    answers = [response.FromString(answer) for answer in await client.each(method, messages)]
    assert [answer.valid_host for answer in answers] == [str(i) for i in range(200)]


async def test_messages_have_no_extensions(client: Caller) -> None:
    response = await reflected(client, "v1", all_extension_numbers_of_type="hipstershop.Money")
    found = response.all_extension_numbers_response  # type: ignore[attr-defined]  # a message
    assert (found.base_type_name, list(found.extension_number)) == ("hipstershop.Money", [])


def test_the_compiled_definitions_are_those_of_the_files(tmp_path: Path) -> None:
    """Else run scripts/make_descriptors.py."""
    output = tmp_path / "descriptors.binpb"
    subprocess.run([sys.executable, SCRIPT, output], check=True)
    assert list(FileDescriptorSet.FromString(output.read_bytes()).file) == list(FILES)


def test_every_method_that_is_defined_is_served(methods: dict[str, Method]) -> None:
    defined = {
        f"/{file.package}.{service.name}/{method.name}"
        for file in FILES
        for service in file.service
        for method in service.method
    }
    assert methods.keys() == defined


def test_the_definitions_are_in_a_pool_of_their_own() -> None:
    assert POOL.FindServiceByName("grpc.health.v1.Health").full_name == "grpc.health.v1.Health"
