"""The source distribution of a Python package, from the sources of this machine's pip."""

from __future__ import annotations

import json
import logging
import os
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Final

import httpx2
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from unearth import Link, PackageFinder, UnpackError
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers.sync import PyPIClient

from tools.interface.errors import CannotCompareError, NoIndexError
from tools.interface.pip_settings import without_passwords

#: The maximum file size; Temporal's has 3 MB.
_MOST_BYTES: Final = 100_000_000
#: pip's default, in seconds.
_TIMEOUT: Final = 15.0
#: Values that pip reads as booleans.
_TRUE: Final = ("y", "yes", "t", "true", "on", "1")
_FALSE: Final = ("n", "no", "f", "false", "off", "0")
_SETTINGS: Final = "`pip config list` prints the settings that apply"


@dataclass(frozen=True)
class SourceDistribution:
    """A fetched archive, its version, and whether it is the newest."""

    version: str
    newest: bool
    file: Path


def fetch(
    project: str, version: str | None, settings: Mapping[str, str], directory: Path
) -> SourceDistribution:
    """Fetch a source distribution to a directory with pip's settings, without building it.

    Without a version, fetches the newest one that is not a prerelease.

    Raises:
        NoIndexError: no index answers or has the project.
        CannotCompareError: there is no such version, it has no source distribution, or that cannot
            be downloaded; or a setting has no valid value.
    """
    with _failures(f"{project} cannot be fetched"), _finder(settings) as finder:
        newest = _version(finder, Requirement(project), prereleases=False)
        if newest is None:
            raise NoIndexError(
                f"no index or directory that pip is set to use has {project}\n  fix: {_SETTINGS}"
            )
        wanted = version or newest
        requirement = Requirement(f"{project}=={wanted}")
        if _version(finder, requirement) is None:
            raise CannotCompareError(
                f"there is no {project} {wanted}; the newest version is {newest}\n"
                f"  fix: pass a published version; {_SETTINGS}"
            )
        finder.no_binary = {canonicalize_name(project)}
        found = finder.find_best_match(requirement).best
        if found is None:
            raise CannotCompareError(
                f"{project} {wanted} has no source distribution\n"
                "  fix: pass the version before it, or wait until it is uploaded"
            )
        there = found.version or wanted
        file = finder.download(found.link, directory, download_reporter=_refuse_large)
        _refuse_large(found.link, file.stat().st_size, None)
    return SourceDistribution(there, Version(there) == Version(newest), file)


def _version(
    finder: PackageFinder, requirement: Requirement, prereleases: bool | None = None
) -> str | None:
    """Return the best version, whether or not it has a source distribution."""
    best = finder.find_best_match(requirement, allow_prereleases=prereleases).best
    return best.version if best else None


def _refuse_large(link: Link, completed: int, total: int | None) -> None:
    if max(completed, total or 0) > _MOST_BYTES:
        raise CannotCompareError(
            f"{link.redacted} has more than {_MOST_BYTES} bytes; refusing to download it\n"
            "  fix: check the file; if it is Temporal's, raise the limit in "
            "tools/interface/distribution.py"
        )


@contextmanager
def _finder(settings: Mapping[str, str]) -> Iterator[PackageFinder]:
    """Yield a finder of files for any Python and platform."""
    no_index = settings.get("no-index", "no").lower() in _TRUE
    if not no_index and settings.get("no-index", "no").lower() not in _FALSE:
        raise CannotCompareError(
            f"pip's setting no-index is {settings['no-index']!r}, expected yes or no\n"
            "  fix: change it; `pip config debug` prints where it is set"
        )
    places = map(os.path.expanduser, settings.get("find-links", "").split())
    # pip ignores the others.
    links = [place for place in places if "://" in place or os.path.exists(place)]
    if no_index and not links:
        raise NoIndexError(
            f"pip is set to use no index, and no find-links directory exists\n  fix: {_SETTINGS}"
        )
    with PyPIClient(
        verify=_certificates(settings),
        trusted_hosts=settings.get("trusted-host", "").split(),
        proxy=settings.get("proxy"),
        timeout=float(settings.get("timeout", 0)) or _TIMEOUT,
        follow_redirects=True,
    ) as client:
        index = settings.get("index-url")
        # Without a location, a finder uses the default index.
        finder = PackageFinder(
            client,
            index_urls=[index] if index and not no_index else [],
            find_links=links if no_index else [],
            ignore_compatibility=True,
        )
        if not no_index:
            for url in settings.get("extra-index-url", "").split():
                finder.add_index_url(url)
            for link in links:
                finder.add_find_links(link)
        indexes = [source["url"] for source in finder.sources if source["type"] == "index"]
        client.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
        with _unreadable_places():
            yield finder


def _certificates(settings: Mapping[str, str]) -> ssl.SSLContext:
    if cert := os.path.expanduser(settings.get("cert", "")):
        file, directory = (None, cert) if os.path.isdir(cert) else (cert, None)
        context = ssl.create_default_context(cafile=file, capath=directory)
    else:
        context = httpx2.create_ssl_context()
    if "client-cert" in settings:
        context.load_cert_chain(os.path.expanduser(settings["client-cert"]))
    return context


@contextmanager
def _unreadable_places() -> Iterator[None]:
    """Raise an error if the finder skips a location, which may have the newest version."""
    logger, warnings = logging.getLogger("unearth.collector"), BufferingHandler(sys.maxsize)
    warnings.setLevel(logging.WARNING)
    logger.addHandler(warnings)
    try:
        yield
    finally:
        logger.removeHandler(warnings)
        messages = dict.fromkeys(without_passwords(it.getMessage()) for it in warnings.buffer)
        # A location that answers but lacks the project is not an error.
        if unreadable := [it for it in messages if "Client Error(404)" not in it]:
            raise NoIndexError("\n".join([*unreadable, f"  fix: {_SETTINGS}"])) from None


@contextmanager
def _failures(problem: str) -> Iterator[None]:
    """Convert errors of the libraries to errors with advice."""
    try:
        yield
    except httpx2.TransportError as error:
        raise NoIndexError(
            f"{problem}: {_reason(error)}\n  fix: check the network; {_SETTINGS}"
        ) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, UnpackError, OSError, ValueError) as error:
        raise CannotCompareError(f"{problem}: {_reason(error)}\n  fix: {_SETTINGS}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"an index returned invalid JSON: {error}"
    return without_passwords(error) or type(error).__name__
