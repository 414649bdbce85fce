"""The declarations of the C header, with the comments, which parsers such as pycparser drop.

The header is written by cbindgen: each declaration follows its comment, has no empty line in it,
and is separated from the next one by an empty line. `ToolError`: the header has another form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from tools import ToolError

LAST_INCLUDE = "#include <stdlib.h>\n"
"""The line before the declarations."""

_COMMENT = re.compile(r"/\*\*(.*?)\*/\n?", re.DOTALL)
# A member of a struct, a union or an enum: its comment, and its declaration up to its end or value.
_COMMENTED_MEMBER = re.compile(r"/\*\*(.*?)\*/\s*([^;,={}]+)", re.DOTALL)
_ALIAS_OF_ITSELF = re.compile(r"(typedef struct (\w+) \2;\n?)+")


class Kind(Enum):
    """What a declaration declares, in the order of a page."""

    MACRO = "macro"
    FUNCTION = "function"
    CALLBACK = "callback"
    TYPE = "type"


@dataclass(frozen=True)
class Declaration:
    """A declaration.

    Attributes:
        name: of the function, type or macro.
        kind: what it declares.
        text: its comment, without ``@param`` and ``@return``.
        parameters: name to text, if they are in the comment.
        returns: text about the result, if it is in the comment.
        code: in C, with the comments of members.
    """

    name: str
    kind: Kind
    text: str
    parameters: dict[str, str]
    returns: str | None
    code: str


def rules(header: Path) -> str:
    """Return the rules in the first comment of the header, as a list in Markdown."""
    found = re.search(r"(?<=\n)( \*  - .*?)\n \*/", header.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ToolError(f"{header} begins with no rules")
    return re.sub(r"^ \* {2}", "", found[1], flags=re.MULTILINE)


def declarations(header: Path) -> list[Declaration]:
    """Read the declarations, in the header's order."""
    _, _, body = header.read_text(encoding="utf-8").partition(LAST_INCLUDE)
    blocks = [block.strip("\n") for block in re.split(r"\n{2,}", body)]
    declared = [_declaration(block) for block in blocks if not _is_plumbing(block)]
    return _with_text_of_tags(declared)


def member_texts(declaration: Declaration) -> dict[str, str]:
    """Read the comments of a type's fields or constants: name to text, on one line."""
    return {
        re.findall(r"\w+", member)[-1]: _one_line(_plain(comment))
        for comment, member in _COMMENTED_MEMBER.findall(declaration.code)
    }


def _with_text_of_tags(declared: list[Declaration]) -> list[Declaration]:
    """Give tagged unions their text, which cbindgen puts above the enum of their tags.

    The struct with a variant's fields gets the text of the variant's tag.
    """
    by_name = {item.name: item for item in declared}
    for name in list(by_name):
        if tags := by_name.get(f"{name}_Tag"):
            by_name[name] = replace(by_name[name], text=tags.text)
            by_name[tags.name] = replace(tags, text=f"Which member of `{name}` is set.")
            for tag, text in member_texts(tags).items():
                body = f"{name}_TemporalCore{tag.removeprefix(f'{name}_')}_Body"
                if body in by_name:
                    by_name[body] = replace(by_name[body], text=text)
    return list(by_name.values())


def _is_plumbing(block: str) -> bool:
    return (
        not block
        or block.startswith(("#if", "#endif", "} //"))
        or _ALIAS_OF_ITSELF.fullmatch(block) is not None
        # TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE refers to it. It differs in each version.
        or re.search(r"^void temporal_static_libs_\d", block, re.MULTILINE) is not None
    )


def _declaration(block: str) -> Declaration:
    comment = _COMMENT.match(block)
    code = block[comment.end() :] if comment else block
    kind, name = _named(code)
    text, *tags = re.split(r"\n+(?=@)", _plain(comment[1]) if comment else "")
    if tags:
        # Paragraphs after the last tag are about the whole declaration.
        tags[-1], _, more = tags[-1].partition("\n\n")
        text += f"\n\n{more}"
    parameters: dict[str, str] = {}
    returns = None
    for tag in tags:
        word, rest = tag.split(maxsplit=1)
        if word == "@param":
            parameter, said = rest.split(maxsplit=1)
            parameters[parameter] = _one_line(said)
        elif word == "@return":
            returns = _one_line(rest)
        else:
            raise ToolError(f"{name}: {word} is unknown")
    if kind is Kind.MACRO:
        code = re.sub(r"(#define \w+(\(.*?\))?).*", r"\1", code)
    # Comments with one line of text become one line.
    code = re.sub(r"/\*\*\n\s*\* (.*)\n\s*\*/", r"/** \1 */", code).rstrip()
    return Declaration(name, kind, text.strip(), parameters, returns, code)


def _named(code: str) -> tuple[Kind, str]:
    for kind, pattern in (
        (Kind.MACRO, r"#define (\w+)"),
        (Kind.CALLBACK, r"typedef [^(]*\(\*(\w+)\)"),
        (Kind.TYPE, r"typedef .*\b(\w+);\Z"),
        (Kind.FUNCTION, r"[\w *]*?(\w+)\("),
    ):
        if found := re.match(pattern, code, re.DOTALL):
            return kind, found[1]
    raise ToolError(f"unknown kind of declaration:\n{code}")


def _plain(comment: str) -> str:
    """Remove the stars of a comment."""
    return re.sub(r"^\s*\* ?", "", comment, flags=re.MULTILINE).strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
