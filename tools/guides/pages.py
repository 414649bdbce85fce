"""The steps that a page asks its reader to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import ToolError

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`([\w./-]+\.\w+)`")
#: Prompts of root's commands, of other commands, and of continuation lines.
_PROMPTS = ("# ", "$ ", "> ")


@dataclass
class Steps:
    """The steps of a guide.

    Attributes:
        as_root: commands for root, which run first.
        commands: commands of the reader, for a single shell.
        files: contents of the files that the reader writes, by name.
    """

    as_root: str = ""
    commands: str = ""
    files: dict[str, str] = field(default_factory=dict)

    def add(self, page: Path, headings: Sequence[str]) -> None:
        """Add the steps under these headings of a page; a ToolError if it lacks one."""
        parts = re.split(r"^##+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        for heading in headings:
            if heading not in sections:
                raise ToolError(f"{page} has no heading {heading!r}")
            self._add_section(sections[heading])

    def _add_section(self, section: str) -> None:
        end = 0
        for block in _BLOCK.finditer(section):
            language, text = block.groups()
            if language == "console":
                self._add_commands(text)
            elif names := _NAME.findall(section, end, block.start()):
                # The text before the block ends with the name of the file.
                self.files[names[-1]] = text
            end = block.end()

    def _add_commands(self, block: str) -> None:
        for line in block.splitlines():
            prompt, command = line[:2], line[2:]
            if prompt not in _PROMPTS:
                continue
            if prompt == "# ":
                self.as_root += f"{command}\n"
            else:
                self.commands += f"{command}\n"
