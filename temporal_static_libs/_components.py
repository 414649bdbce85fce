"""The table of components: the archives a library set consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Component:
    """One row.

    Attributes:
        name: what ``--component`` takes.
        library: the library's link name, the one ``-l`` takes.
        crate: the Cargo package that compiles it.
    """

    name: str
    library: str
    crate: str


SDK_CORE = Component("sdk-core", "temporal_sdk_core", "temporal-static-libs-sdk-core")
CLIENT = Component("client", "temporal_client", "temporal-static-libs-client")

COMPONENTS = (SDK_CORE, CLIENT)
DEFAULT_COMPONENT = SDK_CORE


def component_named(name: str) -> Component:
    """Find a row.

    Raises:
        ValueError: the table has no such row; the message lists those it has.
    """
    for component in COMPONENTS:
        if component.name == name:
            return component
    known = ", ".join(component.name for component in COMPONENTS)
    raise ValueError(f"there is no component {name!r}; there are: {known}")
