"""URLs in messages and metadata lead to existing files."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from temporal_static_libs import _about
from tests.support.docs.markdown_page import parse_page, read_page

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = {
    name: value
    for name, value in vars(_about).items()
    if isinstance(value, str) and value.startswith("https://")
}


@pytest.fixture(scope="module")
def long_description(repo_root: Path) -> Callable[[str], str]:
    """The function of the build hook, which is not part of a package."""
    spec = spec_from_file_location("hatch_build", repo_root / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[str], str] = module.long_description
    return function


def file_of(address: str, repo_root: Path) -> Path:
    """The file or directory of the repository that a URL of the project shows."""
    path = re.sub(r"^/(blob|raw|tree)/main|#.*$", "", address.removeprefix(_about.PROJECT_URL))
    return repo_root / path.lstrip("/")


@pytest.mark.parametrize("name", ADDRESSES)
def test_url_leads_to_an_existing_file(name: str, repo_root: Path) -> None:
    assert ADDRESSES[name].startswith(_about.PROJECT_URL)
    assert file_of(ADDRESSES[name], repo_root).exists()


def test_page_of_manual_setup_is_in_docs(repo_root: Path) -> None:
    page = file_of(_about.MANUAL_SETUP_URL, repo_root)
    assert page == repo_root / "docs" / "manual-setup.md"
    assert page.read_text(encoding="utf-8").startswith("# Manual setup\n")


def test_metadata_names_the_same_project(repo_root: Path) -> None:
    urls = dict(entry.split(", ", 1) for entry in _urls())
    assert urls["Homepage"] == _about.PROJECT_URL
    for address in urls.values():
        assert address.startswith(_about.PROJECT_URL)
        assert file_of(address, repo_root).exists()


def _urls() -> list[str]:
    return metadata("temporal-static-libs").get_all("Project-URL") or []


def test_description_of_the_package_is_the_readme_with_absolute_urls(
    repo_root: Path, long_description: Callable[[str], str]
) -> None:
    description = metadata("temporal-static-libs")["Description"]
    readme = (repo_root / "README.md").read_text(encoding="utf-8")
    assert description.strip() == long_description(readme).strip()

    targets = parse_page(description).targets
    assert targets
    for target in targets:
        assert target.startswith(f"{_about.PROJECT_URL}/")
        assert file_of(target, repo_root).exists(), target


def test_only_relative_links_of_the_readme_change(long_description: Callable[[str], str]) -> None:
    view = f"{_about.PROJECT_URL}/%s/main/"
    assert long_description("[a page](docs/page.md#part), ![a picture](docs/a.svg)") == (
        f"[a page]({view % 'blob'}docs/page.md#part), ![a picture]({view % 'raw'}docs/a.svg)"
    )
    kept = "[a site](https://example.invalid/a), [below](#part), `f[x]` (y), [mail](mailto:a@b)"
    assert long_description(kept) == kept


def test_package_contains_the_url_in_one_place_only(package_dir: Path) -> None:
    spelled = {
        file.name
        for file in package_dir.rglob("*.py")
        if _about.PROJECT_URL in file.read_text(encoding="utf-8")
    }
    assert spelled == {"_about.py"}


# `make docs` checks the same in docs/, but not in the other files.
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "examples/*/*.md")
    for page in ROOT.glob(pattern)
)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_are_valid(page: str, repo_root: Path) -> None:
    file = repo_root / page
    read = read_page(file)
    assert read.undefined == []
    for target in read.targets:
        address = urlsplit(target)
        if address.scheme:
            continue
        other = file.parent / unquote(address.path) if address.path else file
        assert other.exists(), target
        assert not address.fragment or address.fragment in read_page(other).anchors, target


def test_contents_show_each_page_of_the_documentation(repo_root: Path) -> None:
    docs = repo_root / "docs"
    pages = {page.name for page in docs.glob("*.md")} - {"index.md"}
    assert pages <= set(read_page(docs / "index.md").targets)
