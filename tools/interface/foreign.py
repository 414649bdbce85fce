"""The facts of a foreign header, whose code must not run."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from pycparser import c_ast
from pycparser.c_parser import ParseError

from tools import ToolError
from tools.interface.errors import CannotCompareError
from tools.interface.facts import facts
from tools.interface.parsing import STANDARD_HEADERS, STANDARD_TYPES, parse, preprocess

_INCLUDES: Final = "".join(f"#include <{name}>\n" for name in STANDARD_HEADERS)


def foreign_facts(header: str, name: str) -> set[str]:
    """Return the facts of a header's text as lines; `name` is its name in messages.

    Raises:
        CannotCompareError: the header cannot be read, or there is no C compiler.
    """
    try:
        with tempfile.TemporaryDirectory() as directory:
            scratch = Path(directory)
            file = scratch / "foreign.h"
            file.write_text(header, encoding="utf-8")
            text = preprocess(file, scratch)
            _refuse_code(text)
            # The program that prints the layout is compiled only from the checked declarations, not
            # from other code that the header may have for other compilers.
            plain = scratch / "plain.h"
            plain.write_text(_INCLUDES + text, encoding="utf-8")
            # Without warnings, because the reader of the result cannot change the header.
            return facts(plain, ("cc", "-w"))
    except ToolError as error:
        reason = str(error)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "its messages are above").strip()
        reason = f"the C compiler does not accept it:\n{said}"
    except OSError as error:
        raise CannotCompareError(
            f"{error.filename or 'the C compiler'} does not run: {error.strerror}\n"
            "  fix: install a C compiler named cc"
        ) from None
    raise CannotCompareError(
        f"{name} cannot be read: {reason}\n"
        "  fix: check the header; if it is valid C, extend tools/interface/facts.py"
    )


def _refuse_code(text: str) -> None:
    try:
        unit = parse(text)
    except ParseError as error:
        # Its line number is that of the preprocessed text, which nobody sees.
        place = re.match(r":(\d+):", str(error))
        lines = (STANDARD_TYPES + text).splitlines()
        where = f" at: {lines[int(place[1]) - 1].strip()}" if place else ""
        raise ToolError(f"it cannot be parsed as C{where}") from None
    for node in unit.ext:
        declares = isinstance(node, c_ast.Decl) and node.init is None
        if not declares and not isinstance(node, c_ast.Typedef):
            raise ToolError(f"it has a {type(node).__name__}, expected declarations only")
