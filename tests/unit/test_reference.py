"""The reference pages in docs/ and their generator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from temporal_static_libs._cli.command import command_line_parser
from tools import ToolError
from tools.generate import c_api, cli
from tools.generate import options as options_page
from tools.generate.declarations import Declaration, Kind, declarations, rules
from tools.interface.options import options
from tools.interface.parsing import functions, parameters, parse_header, type_text

START = "/*\n * Rules:\n *  - One.\n *    More of it.\n *  - Two.\n */\n#include <stdlib.h>\n\n"


@pytest.fixture
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "c-api.md").read_text(encoding="utf-8")


def read(tmp_path: Path, text: str) -> list[Declaration]:
    """Read the declarations of a header with this text."""
    header = tmp_path / "header.h"
    header.write_text(START + text)
    return declarations(header)


def test_page_has_each_function_and_each_type_of_the_interface_once(
    page: str, repo_root: Path
) -> None:
    table = (repo_root / "tests" / "abi" / "c_abi.tsv").read_text(encoding="utf-8")
    facts = [line.split("\t") for line in table.splitlines()]
    names = {fact[1] for fact in facts if fact[0] in ("function", "struct", "callback")}
    assert len(names) > 100
    headings = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert names <= set(headings)


def test_links_of_the_page_lead_to_its_headings(page: str) -> None:
    targets = set(re.findall(r"\]\(#([\w-]+)\)", page))
    assert len(targets) > 20
    headings = re.findall(r"^##+ `?(.+?)`?$", page, re.MULTILINE)
    anchors = [heading.lower().replace(" ", "-") for heading in headings]
    repeated = {f"{anchor}-1" for anchor in anchors if anchors.count(anchor) == 2}
    assert targets <= {*anchors, *repeated}


def test_every_section_is_in_the_list_of_contents(page: str) -> None:
    contents = page.partition("\n## ")[0]
    sections = re.findall(r"^## (.+)$", page, re.MULTILINE)
    listed = re.findall(r"^\| \[(.+?)\]", contents, re.MULTILINE)
    assert listed == [section for section in sections if section != "Rules"]


def test_every_function_is_listed_in_its_section(page: str) -> None:
    functions = re.findall(r"^### `(temporal_\w+)`$", page, re.MULTILINE)
    listed = re.findall(r"^\| \[`(\w+)`\]", page, re.MULTILINE)
    assert len(listed) > 60
    assert set(listed) <= set(functions)
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    for section in sections:
        inside = re.findall(r"^### `(temporal_\w+)`$", section, re.MULTILINE)
        rows = re.findall(r"^\| \[`(\w+)`\]", section, re.MULTILINE)
        assert rows == (inside if len(inside) > 1 else [])


def test_concepts_page_lists_every_handle_with_its_functions(
    repo_root: Path, package_dir: Path
) -> None:
    text = (repo_root / "docs" / "c-api-concepts.md").read_text(encoding="utf-8")
    header = (package_dir / "include" / "temporal-sdk-core-c-bridge.h").read_text(encoding="utf-8")
    frees = re.findall(r"^void (temporal_\w+_free)\(struct (\w+) \*\w+\);", header, re.MULTILINE)
    not_handles = {"TemporalStaticLibsEvent"}
    assert len(frees) > 8
    for function, name in frees:
        if name not in not_handles:
            (line,) = (line for line in text.splitlines() if line.startswith(f"| [`{name}`]"))
            assert line.endswith(f"; `{function}` |")


def test_drawing_of_a_workers_life_names_functions(repo_root: Path, package_dir: Path) -> None:
    drawing = (repo_root / "docs" / "images" / "worker.svg").read_text(encoding="utf-8")
    header = (package_dir / "include" / "temporal-sdk-core-c-bridge.h").read_text(encoding="utf-8")
    names = re.findall(r"\b(?:runtime|client|worker)_[a-z_]+", drawing)
    assert len(names) > 8
    assert [name for name in names if f"temporal_core_{name}" not in header] == []


def test_rules_are_a_list(tmp_path: Path) -> None:
    header = tmp_path / "header.h"
    header.write_text(START)
    assert rules(header) == "- One.\n  More of it.\n- Two."


def test_function_is_read_with_its_parameters(tmp_path: Path) -> None:
    (declared,) = read(
        tmp_path,
        "/**\n * Frees it.\n *\n * @param it What a call\n *           gave.\n"
        " * @param why NULL or not.\n * @return Nothing `much`.\n *\n * Any thread.\n */\n"
        "struct It *its_free(struct It *it,\n                    int why);\n",
    )
    assert declared == Declaration(
        name="its_free",
        kind=Kind.FUNCTION,
        text="Frees it.\n\nAny thread.",
        parameters={"it": "What a call gave.", "why": "NULL or not."},
        returns="Nothing `much`.",
        code="struct It *its_free(struct It *it,\n                    int why);",
    )


def test_text_after_the_last_parameter_belongs_to_the_function(tmp_path: Path) -> None:
    (declared,) = read(
        tmp_path, "/**\n * A.\n *\n * @param b C\n *          d.\n *\n * E.\n */\nvoid a(int b);\n"
    )
    assert declared.parameters == {"b": "C d."}
    assert declared.text == "A.\n\nE."
    assert declared.returns is None


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        (
            "typedef void (*Done)(void *user_data,\n                     int x);",
            Kind.CALLBACK,
            "Done",
        ),
        ("typedef struct Some {\n  int x;\n} Some;", Kind.TYPE, "Some"),
        ("typedef struct Other Same;", Kind.TYPE, "Same"),
        ("uint64_t draw(void);", Kind.FUNCTION, "draw"),
    ],
)
def test_kinds(tmp_path: Path, code: str, kind: Kind, name: str) -> None:
    (declared,) = read(tmp_path, f"/** It. */\n{code}\n")
    assert (declared.kind, declared.name) == (kind, name)


def test_value_of_a_macro_is_omitted_because_it_varies_by_version(tmp_path: Path) -> None:
    (declared,) = read(tmp_path, '/** It. */\n#define VERSION() "1.2.3"\n')
    assert (declared.kind, declared.code) == (Kind.MACRO, "#define VERSION()")


def test_short_comments_of_members_are_on_one_line(tmp_path: Path) -> None:
    (declared,) = read(
        tmp_path, "/** It. */\ntypedef struct S {\n  /**\n   * X.\n   */\n  int x;\n} S;\n"
    )
    assert declared.code == "typedef struct S {\n  /** X. */\n  int x;\n} S;"


def test_tags_of_a_union_have_a_text(tmp_path: Path) -> None:
    tags, union = read(
        tmp_path,
        "/** It. */\ntypedef enum U_Tag {\n  A,\n} U_Tag;\n\n"
        "typedef struct U {\n  U_Tag tag;\n} U;\n",
    )
    assert (tags.name, tags.text) == ("U_Tag", "Which member of `U` is set.")
    assert (union.name, union.text) == ("U", "It.")


def test_struct_of_a_variant_has_the_text_of_its_tag(tmp_path: Path) -> None:
    *_, body, _ = read(
        tmp_path,
        "/** It. */\ntypedef enum U_Tag {\n  /** One of\n   * two. */\n  U_One,\n} U_Tag;\n\n"
        "typedef struct U_TemporalCoreOne_Body {\n  int x;\n} U_TemporalCoreOne_Body;\n\n"
        "typedef struct U {\n  U_Tag tag;\n} U;\n",
    )
    assert (body.name, body.text) == ("U_TemporalCoreOne_Body", "One of two.")


def test_every_declaration_of_the_header_has_a_text(package_dir: Path) -> None:
    declared = declarations(package_dir / "include" / "temporal-sdk-core-c-bridge.h")
    assert declared
    assert [item.name for item in declared if not item.text] == []


def test_every_function_and_callback_documents_parameters_and_result(package_dir: Path) -> None:
    header = package_dir / "include" / "temporal-sdk-core-c-bridge.h"
    documented = {
        item.name: (list(item.parameters), item.returns is not None)
        for item in declarations(header)
        if item.kind in (Kind.FUNCTION, Kind.CALLBACK)
    }
    assert len(documented) > 80
    declared = {
        name: (
            [parameter.name for parameter in parameters(function) if parameter.name],
            type_text(function.type) != "void",
        )
        for _, name, function in functions(parse_header(header))
    }
    assert documented == {name: declared[name] for name in documented}


def test_unknown_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="f: @throws is unknown"):
        read(tmp_path, "/**\n * F.\n *\n * @throws never\n */\nvoid f(void);\n")


def test_function_that_no_module_defines_is_refused(tmp_path: Path, repo_root: Path) -> None:
    header = tmp_path / "header.h"
    header.write_text(f"{START}/** F. */\nvoid temporal_core_new_thing(void);\n")
    with pytest.raises(ToolError, match=r"temporal_core_new_thing is defined in \[\]"):
        c_api.render(header, repo_root / "rust" / "c-api" / "src")


def test_page_of_the_command_line_has_each_option() -> None:
    parser = command_line_parser()
    page = cli.render(parser)
    for action in parser._actions:
        for name in action.option_strings:
            assert f"`{name}`" in page
    assert (parser.epilog or "") in page
    titles = [group.title or "" for group in parser._action_groups if group._group_actions]
    headings = re.findall("^### (.+)$", page, re.MULTILINE)
    assert [heading.lower() for heading in headings] == [title.lower() for title in titles]


def test_page_of_options_has_each_option_and_each_message() -> None:
    rows = options()
    page = options_page.render()
    assert re.findall(r"^## (Temporal\w+)$", page, re.MULTILINE) == list(
        dict.fromkeys(row.struct for row in rows)
    )
    assert {row.field for row in rows} <= set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert [row.message for row in rows if row.message not in page] == []
