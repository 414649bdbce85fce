"""`make try-sdist`, on a source distribution that compiles in a second."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import hatchling

from tests.support.pip.borrowed_environment import borrow_environment

# Build requirements. The build is not isolated, so that nothing is fetched.
BACKEND = ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers")


def test_source_distribution_is_compiled_installed_and_tested(
    repo_root: Path, tiny_sdist: Path, tiny_environ: dict[str, str], tmp_path: Path
) -> None:
    tree, environment, backend = tmp_path / "tree", tmp_path / "environment", tmp_path / "backend"
    (tree / "dist" / "sdist").mkdir(parents=True)
    shutil.copyfile(tiny_sdist, tree / "dist" / "sdist" / tiny_sdist.name)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copyfile(repo_root / name, tree / name)
    # The tiny archives lack the functions that the smoke test's programs call.
    smoke = tree / "tests" / "smoke" / "smoke.py"
    smoke.parent.mkdir(parents=True)
    smoke.write_text("import temporal_static_libs\nprint(temporal_static_libs.lib_dir())\n")

    venv.create(environment, symlinks=True, with_pip=True)
    borrow_environment(tree, "try-sdist", environment / "bin" / "python")
    backend.mkdir()
    site = Path(hatchling.__file__).parents[1]
    for name in BACKEND:
        for entry in (site / name, *site.glob(f"{name}-*.dist-info")):
            (backend / entry.name).symlink_to(entry)

    done = subprocess.run(
        ["make", "try-sdist", "PROFILE=quick"],
        cwd=tree,
        env={**tiny_environ, "PYTHONPATH": str(backend)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lib = Path(done.stdout.splitlines()[-1])
    assert lib.is_relative_to(environment)
    assert (lib / "libtemporal_sdk_core.a").is_file()
