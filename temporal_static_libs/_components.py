"""The table of components: the archives in a library set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._facts import plain_component
from ._messages import did_you_mean, message


@dataclass(frozen=True)
class Component:
    """One row.

    Attributes:
        name: the value of ``--component``; `component_named` accepts other spellings.
        library: the link name for ``-l``.
        shared_library: the base name of the shared library that is linked from it, without the
            platform's prefix and suffix. The default component has the name of Temporal's C bridge.
        summary: the part of the interface that it contains.
        leaves_out: nouns of the interface whose functions it lacks.
    """

    name: str
    library: str
    shared_library: str
    summary: str
    leaves_out: tuple[str, ...] = ()

    @property
    def is_subset(self) -> bool:
        """Whether another component contains all functions of this one."""
        return bool(self.leaves_out)

    def functions(self, interface: Iterable[str]) -> frozenset[str]:
        """Return the names of the interface's functions that this component contains."""
        left_out = tuple(f"temporal_core_{noun}_" for noun in self.leaves_out)
        return frozenset(name for name in interface if not name.startswith(left_out))


SDK_CORE = Component(
    "sdk-core", "temporal_sdk_core", "temporalio_sdk_core_c_bridge", "the whole interface"
)
CLIENT = Component(
    "client",
    "temporal_client",
    "temporalio_client_c_bridge",
    "the part of the interface without workers",
    leaves_out=("worker", "complete_async", "ephemeral_server"),
)

COMPONENTS = (SDK_CORE, CLIENT)
DEFAULT_COMPONENT = SDK_CORE


def component_named(name: str) -> Component:
    """Find a component.

    Args:
        name: its name, with ``-`` or ``_``, or its archive's: ``temporal_sdk_core``,
            ``libtemporal_sdk_core.a``.

    Raises:
        ValueError: there is no such component; the message lists the components.
    """
    components = {component.name: component for component in COMPONENTS}
    plain = plain_component(name)
    if plain not in components:
        hint = did_you_mean(plain, components)
        known = ", ".join(components)
        raise ValueError(message("unknown-component", name=name, hint=hint, known=known))
    return components[plain]
