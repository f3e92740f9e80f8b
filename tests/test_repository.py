"""What holds for the repository as a whole and no tool of `make test` already checks."""

import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "oracles", "conformance", "reports")

# Python files that are tables, and so may be longer than 500 lines.
TABLES: frozenset[str] = frozenset({"oracles/disagreements.py"})

IGNORED = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split())]


def files_under(folder: Path) -> Iterator[Path]:
    """Every file of the project below `folder`: what `.gitignore` names is left out."""
    for entry in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(entry.name, pattern) for pattern in IGNORED):
            continue
        if entry.is_dir():
            yield from files_under(entry)
        else:
            yield entry


FILES = {path.relative_to(ROOT).as_posix(): path for path in files_under(ROOT)}
PYTHON = {name: path for name, path in FILES.items() if name.endswith(".py")}
PROSE = {name: path for name, path in FILES.items() if name.endswith(".md")}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_complete(package: str) -> None:
    """A folder without `__init__.py` would be left out of the installed distribution."""
    modules = [path for name, path in PYTHON.items() if name.startswith(f"{package}/")]
    assert modules
    assert (ROOT / package / "py.typed").is_file()
    bare = {p.parent for p in modules if not (p.parent / "__init__.py").is_file()}
    assert not bare


def test_nothing_names_a_machine() -> None:
    """Paths in code and prose hold on every machine, so none starts in someone's home."""
    absolute = re.compile(r"(?<![\w.}])/(home|root|Users|work|farm)/\w")
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, path in FILES.items()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if absolute.search(line)
    ]
    assert not found


def test_files_have_a_readable_length() -> None:
    lines = {name: path.read_text("utf-8").count("\n") for name, path in PYTHON.items()}
    assert {name: n for name, n in lines.items() if n > 500 and name not in TABLES} == {}
    assert lines.keys() >= TABLES


def test_prose_fits_the_page() -> None:
    """ruff holds Python to 100 columns; this holds prose to them, rows of tables aside."""
    long = [
        f"{name}:{number}"
        for name, path in PROSE.items()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > 100 and not line.startswith("|")
    ]
    assert not long


def test_links_lead_somewhere() -> None:
    """Relative links in prose, and their #sections, exist."""
    dead = []
    for name, path in PROSE.items():
        text = path.read_text("utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            file, _, section = target.partition("#")
            page = path.parent / file if file else path
            if not page.exists() or (section and section not in sections(page)):
                dead.append(f"{name}: {target}")
    assert not dead


def sections(page: Path) -> set[str]:
    """The anchors of a Markdown page: its headings in lower case, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_commands_in_prose_exist() -> None:
    """Every `make …` that a page tells its reader to run is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for path in PROSE.values()
        for target in re.findall(r"(?:^|`)make ([a-z]+)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {"check", "test"} <= named <= targets


def test_every_requirement_is_pinned() -> None:
    """`constraints.txt` fixes the version of each package that `pyproject.toml` names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    required = {
        re.split(r"[^\w-]", requirement)[0].lower().replace("_", "-")
        for requirement in [*project["dependencies"], *(r for extra in extras for r in extra)]
    }
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    pinned = {pin.lower().replace("_", "-") for pin in pins}
    assert required - {project["name"]} <= pinned
