"""Modules that are not installed as plugins, imported as they were read."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import site
import sys
import sysconfig
import warnings
from collections.abc import Container, Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType

import attrs

from modnet.errors import ModnetError, PluginError
from modnet.files.code import unify_lines
from modnet.files.opening import read_plain

LARGEST = 2**24  # bytes of a source file, at most
LONGEST = 200  # letters of a module's name, at most


@attrs.frozen
class Code:
    """The source of a module and of all that it imports from its folder, as it was read."""

    module: str
    folder: Path = Path()
    files: dict[str, bytes] = attrs.field(factory=dict)
    """The content of each file, by its path in the folder, with slashes. Of a package, these are all `.py` files.

    None where any module of that name will do, as Python finds it.
    """

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file."""
        return {name: sha256(content).hexdigest() for name, content in self.files.items()}

    @property
    def digest(self) -> str:
        """The SHA-256 of all files, whatever ends their lines."""
        digests = {name: sha256(unify_lines(content)).hexdigest() for name, content in self.files.items()}
        return sha256(repr(sorted(digests.items())).encode()).hexdigest()

    @property
    def file(self) -> Path:
        """The file of the module."""
        return self.folder / find_own_file(self.module, self.files)

    def is_in(self, folder: Path | None) -> bool:
        """Say whether a folder has all the files, too, as they were read."""
        return all(folder is not None and read_source(folder, name) == here for name, here in self.files.items())

    def load(self) -> ModuleType:
        """Import the module from what was read; raises PluginError where another of its name is imported already."""
        for file in self.files:
            name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            there = getattr(sys.modules.get(name), "__file__", None)
            if there and Path(there).resolve() != (self.folder / file).resolve():
                why = f"the module {name!r} is imported already, from {there}"
                raise PluginError(why, f"rename {self.folder / file}, or start Python anew")
        if self.files and self.module not in sys.modules:
            sys.meta_path.insert(0, self)
        return importlib.import_module(self.module)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return the specification of a module that was read, or None where it is another's; as finders have it.

        Raises ModuleNotFoundError where it would lie in a package that was read, and was not.
        """
        if file := find_own_file(name, self.files):
            place = str(self.folder / file)
            loader = _Loader(name, place, self.files[file])
            return importlib.util.spec_from_file_location(name, place, loader=loader)
        place = name.replace(".", "/")
        if any(file.startswith(f"{place}/") for file in self.files):  # a namespace package
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(self.folder / place)]
            return spec
        if "." in name and self.find_spec(name.partition(".")[0]) and self.folder not in _list_library_folders():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)  # nobody else looks into its packages
        return None


class _Loader(SourceFileLoader):
    """The loader of a source file that was read: no file that Python compiled before is looked for."""

    def __init__(self, name: str, path: str, content: bytes) -> None:
        super().__init__(name, path)
        self._content = content

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - as loaders have it
        return self.source_to_code(self._content, self.path)


def find_imported(module: str) -> Code | None:
    """Return what a module was imported from, where it was imported as it was read."""
    codes = [finder for finder in sys.meta_path if isinstance(finder, Code)]
    return next((code for code in codes if code.module == module), None)


def is_module_name(text: str) -> bool:
    """Say whether a text is the name of a module, dotted or not."""
    return len(text) <= LONGEST and all(part.isidentifier() for part in text.split("."))


def _list_places(module: str) -> tuple[str, str]:
    place = module.replace(".", "/")
    return f"{place}/__init__.py", f"{place}.py"


def find_own_file(module: str, files: Container[str]) -> str:
    """Return which of some files is that of a module, by its path in the folder; nothing where none is."""
    return next((file for file in _list_places(module) if file in files), "")


def locate(module: str, folder: Path) -> Path | None:
    """Return the source file of a module that lies in a folder, or None; nothing is imported."""
    with suppress(OSError):  # of a path that cannot be
        return next((folder / file for file in _list_places(module) if (folder / file).is_file()), None)
    return None


def read_source(folder: Path, name: str) -> bytes:
    """Return the content of a source file in a folder; nothing where it cannot be read."""
    try:
        return read_plain(folder / name, LARGEST)
    except ModnetError:
        return b""


def find_file(module: str) -> str:
    """Return the file of a module, as Python finds it, without importing it; nothing where there is none."""
    if module in sys.modules:
        return str(getattr(sys.modules[module], "__file__", None) or "")
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for name in rest:
            spec = spec and PathFinder.find_spec(f"{spec.name}.{name}", spec.submodule_search_locations or [])
    except (ImportError, ValueError):
        return ""
    return (spec and spec.has_location and spec.origin) or ""


def find_folder(module: str) -> Path | None:
    """Return the folder that a module lies in where Python finds it, or None; nothing is imported."""
    return next((folder.resolve() for folder in Path(find_file(module)).parents if locate(module, folder)), None)


def read_code(module: str, folder: Path, beside: Container[str] = (), *, is_to_be_imported: bool = True) -> Code:
    """Return the code of a module in a folder, with what it imports from there: in a library, of the files `beside`.

    Where it is to be imported, what Python has imported already is left out. Raises DataError where a file cannot be
    read, and PluginError where it is not clear which module is imported.
    """
    files: dict[str, bytes] = {}
    done: set[str] = set()
    own = module.partition(".")[0]
    is_library = folder in _list_library_folders()  # where all else is found as ever
    waiting = [(module, "")]
    while waiting:
        name, importer = waiting.pop()
        if (top := name.partition(".")[0]) in done:
            continue
        new = [file for file in _list_files(name, folder) if file not in files]
        done |= {top for file in (f"{top}.py", f"{top}/__init__.py") if file in new}  # of which all is in `new`
        is_other = bool(new) and top != own
        if is_other and is_library and not all(file in beside for file in new):
            continue
        if is_other and not is_library and is_to_be_imported and _is_imported(name, folder / importer, folder, own):
            continue
        for file in new:
            files[file] = read_plain(folder / file, LARGEST)
            waiting += [(imported, file) for imported in _find_imports(files[file], PurePosixPath(file).parent.parts)]
    return Code(module, folder, dict(sorted(files.items())))


def _list_library_folders() -> set[Path]:
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return {Path(folder).resolve() for folder in [*own, *site.getsitepackages(), site.getusersitepackages()]}


def _list_files(module: str, folder: Path) -> list[str]:
    """Return the source files in a folder that are run to import a module: of a package, all that could be."""
    outer = ""
    for name in module.split("."):
        outer = f"{outer}.{name}".lstrip(".")
        if path := locate(outer, folder):
            inner = path.parent.rglob("*.py") if path.name == "__init__.py" else [path]
            return sorted(each.relative_to(folder).as_posix() for each in inner if each.is_file())
    return []


def _is_imported(name: str, importer: Path, folder: Path, own: str) -> bool:
    """Say whether Python has imported the package that lies in a folder, as one that is installed from there.

    Raises PluginError where another one is installed, but for one beside an installed `own`.
    """
    top = name.partition(".")[0]
    other = find_folder(top)
    if top in sys.stdlib_module_names or other not in {None, folder, find_folder(own)}:
        elsewhere = "a module of Python's own" if top in sys.stdlib_module_names else f"also in {other}"
        why = f"{importer} imports {top!r}, which lies beside it and is {elsewhere}"
        raise PluginError(why, f"rename the one in {folder}, or uninstall the other")
    return top in sys.modules and not isinstance(getattr(sys.modules[top], "__loader__", None), _Loader)


def _find_imports(source: bytes, package: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of modules that a source file in a package imports, and of what could be modules."""
    try:
        with warnings.catch_warnings(action="ignore"):  # which are given when it is imported
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # which are raised when it is imported
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            if base := ".".join([*start, *filter(None, [node.module])]):
                yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
