"""The table of components: the archives that a library set consists of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._facts import plain_component
from ._messages import did_you_mean, message


@dataclass(frozen=True)
class Component:
    """One row.

    Attributes:
        name: what ``--component`` takes; `component_named` has other spellings.
        library: the library's link name, the one ``-l`` takes.
        shared_library: the name of the shared library that is linked from it, less what depends
            on the platform. That of the default component is the one of Temporal's own C bridge.
        summary: what it has of the interface.
        leaves_out: nouns of the interface whose functions it does not have.
    """

    name: str
    library: str
    shared_library: str
    summary: str
    leaves_out: tuple[str, ...] = ()

    @property
    def is_subset(self) -> bool:
        """Whether another component has all that this one has."""
        return bool(self.leaves_out)

    def functions(self, interface: Iterable[str]) -> frozenset[str]:
        """Return the names of those of the interface's functions that this component has."""
        left_out = tuple(f"temporal_core_{noun}_" for noun in self.leaves_out)
        return frozenset(name for name in interface if not name.startswith(left_out))


SDK_CORE = Component(
    "sdk-core", "temporal_sdk_core", "temporalio_sdk_core_c_bridge", "the whole interface"
)
CLIENT = Component(
    "client",
    "temporal_client",
    "temporalio_client_c_bridge",
    "the part of the interface that needs no worker",
    leaves_out=("worker", "complete_async", "ephemeral_server"),
)

COMPONENTS = (SDK_CORE, CLIENT)
DEFAULT_COMPONENT = SDK_CORE


def component_named(name: str) -> Component:
    """Find a row.

    Args:
        name: a component's, with ``-`` or ``_``, or its archive's: ``temporal_sdk_core``,
            ``libtemporal_sdk_core.a``.

    Raises:
        ValueError: the table has no such row; the message lists those it has.
    """
    components = {component.name: component for component in COMPONENTS}
    plain = plain_component(name)
    if plain not in components:
        hint = did_you_mean(plain, components)
        known = ", ".join(components)
        raise ValueError(message("unknown-component", name=name, hint=hint, known=known))
    return components[plain]
