"""docs/cli.md, of the parser of temporal-libs-config."""

from __future__ import annotations

import argparse

_INTRODUCTION = """\
# temporal-libs-config

{description}

`python -m temporal_static_libs` is the same command. Generated from its parser by `make reference`;
do not edit. [Compiling](compiling.md) has what the variables of the environment do,
[troubleshooting](troubleshooting.md) what its messages mean.

```text
{usage}
```

| option | answer |
|---|---|
"""

_COMPLETION = """
## Completion

Tab completes the options in a shell that has been told so, once the command is on its `PATH`:

| shell | line |
|---|---|
| bash | `source <(temporal-libs-config --completion bash)` |
| fish | `temporal-libs-config --completion fish | source` |
| zsh | `eval "$(temporal-libs-config --completion zsh)"`, below `compinit` |

What is printed is a file of the wheel's; the command is not run again for it.
"""


def render(parser: argparse.ArgumentParser) -> str:
    """Write the page."""
    usage = parser.format_usage().removeprefix("usage: ").strip()
    page = _INTRODUCTION.format(
        description=" ".join((parser.description or "").split()), usage=usage
    )
    for action in parser._actions:  # argparse has no public list of them
        names = ", ".join(f"`{name}`" for name in action.option_strings)
        if action.choices is not None:
            names += " " + " or ".join(f"`{choice}`" for choice in action.choices)
        page += f"| {names} | {action.help} |\n"
    # Indented below headings, and with more to the right of examples: best left as it is.
    return f"{page}\n```text\n{parser.epilog}\n```\n{_COMPLETION}"
