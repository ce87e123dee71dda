"""New plugins, written from the templates in `templates/`.

The templates are those of `string.Template`; what depends on the kind of part has a template of its own. A repository
is written whole, or not at all.
"""

from __future__ import annotations

import builtins
import re
from datetime import datetime
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

import attrs

from modnet.compose.plugins import get_host
from modnet.errors import DataError, PluginError, SettingError
from modnet.host.kinds import OBSERVER, Kind, find_kind
from modnet.interfaces import kebab_case
from modnet.testing.kit import find_suite

TEMPLATES = Path(__file__).parent / "templates"
# Longer names would break lines of the templates.
LONGEST = 30
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@attrs.frozen
class NewPlugin:
    """A plugin to be written: one part, of a kind and by a name, or an observer.

    >>> NewPlugin("activation", "soft-cap").class_name
    'SoftCap'
    """

    kind: str
    name: str

    @property
    def distribution(self) -> str:
        """The name that it is installed by."""
        return f"modnet-{self.name}"

    @property
    def module(self) -> str:
        """The name that it is imported by."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The name of its class."""
        return "".join(word.capitalize() for word in self.name.split("-"))

    def check(self) -> None:
        """Raise SettingError, UnknownNameError or PluginError where there can be no such plugin, or there is one."""
        self._find_kind()
        if self.name.startswith("modnet-"):
            name = self.name.removeprefix("modnet-")
            raise SettingError([f"the prefix 'modnet-' is added automatically: give {name!r}"], "NAME")
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST:
            rule = f"lower-case words joined by hyphens, a letter first, at most {LONGEST} characters"
            raise SettingError([f"expected {rule}, found {self.name!r}"], "NAME")
        if hasattr(builtins, self.class_name):
            raise SettingError([f"the class {self.class_name} would hide Python's own: choose another name"], "NAME")
        self._check_is_free()

    def files(self) -> dict[str, str]:
        """Return the text of each file of the repository, by its path in it."""
        own_tests = f"conforms-{self.kind}.py"
        tests = own_tests if _template(own_tests).exists() else "conforms.py"
        names = {
            "pyproject.toml": "pyproject.toml",
            "README.md": "README.md",
            "LICENSE": "LICENSE",
            ".gitignore": "gitignore",
            ".github/workflows/test.yml": "test.yml",
            f"{self.module}.py": f"{self.kind}.py",
            f"tests/test_{self.name.replace('-', '_')}.py": tests,
        }
        values = self._placeholders()
        return {
            path: Template(_template(name).read_text(encoding="utf-8")).substitute(values)
            for path, name in names.items()
        }

    def write(self, folder: Path) -> list[Path]:
        """Write the repository as `folder`, which must not be there yet, and return its files' paths.

        Raises as `check` does, and DataError where the folder is there, or cannot be.
        """
        self.check()
        if folder.exists() or folder.is_symlink():
            raise DataError(f"{folder}: it exists already: choose another folder with --out, or remove it")
        if not folder.parent.is_dir():
            raise DataError(f"{folder}: there is no folder {folder.parent}")
        files = self.files()
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            whole = Path(beside) / folder.name
            for path, text in files.items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_text(text, encoding="utf-8", newline="\n")
            whole.rename(folder)
        return [folder / path for path in files]

    def _list_dependencies(self) -> list[str]:
        modnet = next(plugin.version for plugin in get_host().plugins if plugin.built_in)
        needed = [f"modnet-workbench>={modnet}"]
        return needed if self.kind == OBSERVER.name else ["attrs>=25.4", *needed, "numpy>=2.3"]

    def _find_kind(self) -> Kind:
        return OBSERVER if self.kind == OBSERVER.name else find_kind(self.kind)

    def _check_is_free(self) -> None:
        host = get_host()
        owner = next((c.owner for c in host.registry.components(self.kind) if c.name == self.name), None)
        if owner:
            raise PluginError(f"the {self.kind} name {self.name!r} is {owner}'s", "choose another")
        if any(plugin.distribution == self.distribution for plugin in host.plugins):
            raise PluginError(f"{self.distribution} is installed already", "choose another name")

    def _placeholders(self) -> dict[str, str]:
        """Return the values of the templates' placeholders."""
        kind, suite = self._find_kind(), find_suite(self.kind)
        is_default = kebab_case(type(self.class_name, (), {})) == self.name
        return {
            "name": self.name,
            "distribution": self.distribution,
            "module": self.module,
            "class_name": self.class_name,
            "registered": self.class_name if is_default else f'{self.class_name}, "{self.name}"',
            "hook": kind.hook,
            "words": kind.words,
            "function": suite.factory,
            "check": f"check_{kind.words.replace(' ', '_')}",
            "use": Template(suite.use).substitute(name=self.name),
            "checked": Template(f"{self.distribution} {suite.needs}").substitute(name=self.name).rstrip(),
            "dependencies": ", ".join(f'"{each}"' for each in self._list_dependencies()),
            "variable": f"{self.module}_log".upper(),
            "year": str(datetime.now().astimezone().year),
        }


def _template(name: str) -> Path:
    return TEMPLATES / f"{name}.template"
