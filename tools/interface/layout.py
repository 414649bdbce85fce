"""Sizes, alignments and offsets, as a C compiler sees them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path


def evaluate(
    header: Path,
    expressions: Iterable[str],
    cc: Sequence[str] = ("cc",),
    runner: Sequence[str] = (),
) -> list[int]:
    """Evaluate integer expressions below a header, in a program that the C compiler makes.

    Args:
        header: the header.
        expressions: in C, without side effects.
        cc: the compiler.
        runner: what runs the compiler's programs, where the machine cannot by itself.

    Raises:
        subprocess.CalledProcessError: ``cc`` does not accept the header, or an expression.
    """
    lines = ["#include <stdio.h>", "#include <stddef.h>", f'#include "{header.resolve()}"']
    lines.append("int main(void) {")
    lines += [f'printf("%zu\\n", (size_t)({expression}));' for expression in expressions]
    lines.append("}")
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, "layout.c"), Path(scratch, "layout")
        source.write_text("\n".join(lines), encoding="utf-8")
        subprocess.run([*cc, "-std=c11", "-o", str(program), str(source)], check=True)
        command = [*runner, str(program)]
        answers = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(answer) for answer in answers.splitlines()]
