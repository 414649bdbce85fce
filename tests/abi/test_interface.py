"""interface.json: everything that the header declares, and enough to call the library."""

from __future__ import annotations

import ctypes
import hashlib
import json
import queue
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packaging.version import Version

from temporal_static_libs import __version__
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._targets import TARGETS
from tests.support.abi.capi import CALL_DEADLINE, CApi, config, header_path, link_shared_library
from tests.support.abi.ctypes_binding import Binding
from tools.interface.facts import facts
from tools.interface.parsing import evaluate

TABLE = Path(__file__).with_name("c_abi.tsv")


@pytest.fixture(scope="module")
def interface() -> dict[str, Any]:
    """The installed file."""
    loaded: dict[str, Any] = json.loads(Path(config("--interface")).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def binding(interface: dict[str, Any]) -> Binding:
    """A binding made from it."""
    return Binding(interface)


@pytest.fixture(scope="module")
def lib(
    interface: dict[str, Any], binding: Binding, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """A shared library linked from only the client archive, which is the smaller one."""
    names = [it["name"] for it in interface["functions"] if "client" in it["components"]]
    return binding.load(link_shared_library(names, "client", tmp_path_factory.mktemp("interface")))


def nested(members: Sequence[Mapping[str, Any]]) -> str:
    """Names of members, in the format of a ``shape`` fact."""
    return " ".join(
        member["name"] or f"{member['kind']}{{{nested(member['members'])}}}" for member in members
    )


def fields(members: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Fields of a struct, including those of its anonymous members."""
    for member in members:
        if member["name"] is None:
            yield from fields(member["members"])
        else:
            yield member


def rows(interface: Mapping[str, Any]) -> Iterator[Sequence[object]]:
    """Return its content in the format of the interface table."""
    for kind in ("function", "callback"):
        for it in interface[f"{kind}s"]:
            parameters = ", ".join(parameter["c"] for parameter in it["parameters"])
            yield kind, it["name"], it["returns"]["c"], parameters
    for it in interface["opaque_types"]:
        yield "opaque", it["name"], "", ""
    for it in interface["aliases"]:
        yield "alias", it["name"], it["c"], ""
    for it in interface["enums"]:
        for constant in it["constants"]:
            yield "enum", it["name"], constant["name"], constant["value"]
    for it in interface["structs"]:
        shape = nested(it["members"])
        if "{" in shape:
            yield "shape", it["name"], shape, ""
        yield "struct", it["name"], f"size {it['size']}", f"align {it['alignment']}"
        for field in fields(it["members"]):
            place = f"offset {field['offset']} size {field['size']}"
            yield "field", f"{it['name']}.{field['name']}", field["c"], place


def test_it_conforms_to_its_schema(interface: dict[str, Any]) -> None:
    schema = json.loads(Path(config("--interface")).with_suffix(".schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(interface, schema)


def test_its_facts_are_exactly_those_of_the_header(interface: dict[str, Any]) -> None:
    described = {"\t".join(map(str, row)) for row in rows(interface)}
    assert described >= {line for line in TABLE.read_text(encoding="utf-8").splitlines() if line}
    tie = f"function\ttemporal_static_libs_{interface['version'].replace('.', '_')}_abi_"
    assert described == {fact for fact in facts(header_path()) if not fact.startswith(tie)}


def test_it_names_its_version_and_header(interface: dict[str, Any]) -> None:
    assert interface["version"] == Version(__version__).base_version
    assert interface["abi"] == config("--abi")
    assert interface["header"] == {
        "file": header_path().name,
        "sha256": hashlib.sha256(header_path().read_bytes()).hexdigest(),
    }
    assert interface["platforms"] == [target.platform for target in TARGETS]


def test_types_need_no_c_parser(interface: dict[str, Any]) -> None:
    """The C code built from their descriptions equals that of the header."""

    def spelled(described: Mapping[str, Any]) -> str:
        if described["kind"] != "pointer":
            return str(described["name"])
        return f"{'const ' if described['const'] else ''}{spelled(described['to'])}*"

    def typed(part: object) -> Iterator[Mapping[str, Any]]:
        if isinstance(part, dict):
            if "c" in part:
                yield part
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                yield from typed(inner)

    found = list(typed(interface))
    assert len(found) > 400
    assert [it for it in found if it["c"] != spelled(it["type"])] == []


def test_enums_are_stored_as_the_compiler_stores_them(interface: dict[str, Any]) -> None:
    names = [it["name"] for it in interface["enums"]]
    sizes = evaluate(header_path(), [f"sizeof({name})" for name in names])
    signs = evaluate(header_path(), [f"({name})-1 < 0" for name in names])
    assert [(it["size"], it["underlying"]) for it in interface["enums"]] == [
        (size, f"{'' if sign else 'u'}int{size * 8}_t")
        for size, sign in zip(sizes, signs, strict=True)
    ]


@pytest.mark.parametrize("kind", ["functions", "callbacks"])
def test_every_function_and_parameter_has_a_text(interface: dict[str, Any], kind: str) -> None:
    assert interface[kind]
    for it in interface[kind]:
        assert it["doc"], it["name"]
        assert all(parameter["doc"] for parameter in it["parameters"]), it["name"]
        assert bool(it["returns"]["doc"]) == (it["returns"]["c"] != "void"), it["name"]


def test_every_constant_and_field_has_the_text_of_its_comment(interface: dict[str, Any]) -> None:
    constants = [it for enum in interface["enums"] for it in enum["constants"]]
    assert [it["name"] for it in constants if not it["doc"]] == []
    # cbindgen writes no comments for those of tagged unions.
    plain = [it for it in interface["structs"] if "{" not in nested(it["members"])]
    lacking = {
        f"{it['name']}.{field['name']}"
        for it in plain
        for field in fields(it["members"])
        if not field["doc"]
    }
    assert len(plain) > 50
    # For structs that wrap one value, the struct's text is enough.
    assert {name for name in lacking if not name.endswith("._0")} == set()
    header = " ".join(header_path().read_text(encoding="utf-8").replace("\n   * ", " ").split())
    assert all(f"/** {it['doc']} */ {it['name']}" in header for it in constants)


class TestBinding:
    """A binding made from it, for shared libraries that are linked from the archives."""

    def test_archives_have_the_listed_functions(
        self, interface: dict[str, Any], lib: ctypes.CDLL, capi: CApi
    ) -> None:
        libraries = {"client": lib, "sdk-core": ctypes.CDLL(str(capi.library))}
        assert set(libraries) == {component.name for component in COMPONENTS}
        for component, library in libraries.items():
            for function in interface["functions"]:
                says_so = component in function["components"]
                assert hasattr(library, function["name"]) == says_so, function["name"]

    def test_structs_have_the_described_layout(
        self, interface: dict[str, Any], binding: Binding
    ) -> None:
        assert interface["structs"]
        for described in interface["structs"]:
            struct = binding.types[described["name"]]
            assert ctypes.sizeof(struct) == described["size"], struct
            assert ctypes.alignment(struct) == described["alignment"], struct
            for field in fields(described["members"]):
                found = getattr(struct, field["name"])
                place = (found.offset, found.size)
                assert place == (field["offset"], field["size"]), (struct, field["name"])

    def test_anonymous_members_have_the_described_layout(
        self, interface: dict[str, Any], binding: Binding
    ) -> None:
        structs = [it for it in interface["structs"] if "{" in nested(it["members"])]
        assert structs
        for described in structs:
            (number, member), *others = [
                (number, it) for number, it in enumerate(described["members"]) if it["name"] is None
            ]
            assert not others
            found = getattr(binding.types[described["name"]], f"anonymous_{number}")
            assert (found.offset, found.size) == (member["offset"], member["size"])

    def test_version_and_abi_id_match_the_library(
        self, interface: dict[str, Any], lib: ctypes.CDLL
    ) -> None:
        assert lib.temporal_static_libs_version().decode() == interface["version"]
        assert lib.temporal_static_libs_abi_id().decode() == interface["abi"]

    def test_random_numbers(self, lib: ctypes.CDLL) -> None:
        first, second = (lib.temporal_core_random_new(42) for _ in range(2))
        drawn = [
            [lib.temporal_core_random_int32_range(it, -3, 3, True) for _ in range(100)]
            for it in (first, second)
        ]
        assert drawn[0] == drawn[1]
        assert set(drawn[0]) == set(range(-3, 4))
        assert 0.0 <= lib.temporal_core_random_double_range(first, 0.0, 1.0, False) < 1.0
        for generator in (first, second):
            lib.temporal_core_random_free(generator)

    def test_connecting_fails_in_a_callback(self, binding: Binding, lib: ctypes.CDLL) -> None:
        types = binding.types
        made = lib.temporal_core_runtime_new(ctypes.byref(types["TemporalCoreRuntimeOptions"]()))
        assert made.runtime
        assert not made.fail
        url = ctypes.create_string_buffer(b"no URL")
        options = types["TemporalCoreConnectionOptions"]()
        options.target_url.data = ctypes.cast(url, ctypes.POINTER(ctypes.c_uint8))
        options.target_url.size = len(url.value)
        options.grpc_compression = binding.constants["TemporalCoreClientGrpcCompression_None"]
        answers: queue.SimpleQueue[tuple[bool, bytes]] = queue.SimpleQueue()

        @types["TemporalCoreClientConnectCallback"]  # type: ignore[untyped-decorator]
        def connected(_user_data: object, success: Any, fail: Any) -> None:
            answers.put((bool(success), ctypes.string_at(fail.contents.data, fail.contents.size)))
            lib.temporal_core_byte_array_free(None, fail)

        lib.temporal_core_client_connect(made.runtime, ctypes.byref(options), None, connected)
        succeeded, message = answers.get(timeout=CALL_DEADLINE)
        lib.temporal_core_runtime_free(made.runtime)
        assert not succeeded
        assert message.startswith(b"Invalid options: ")
        assert answers.empty()
