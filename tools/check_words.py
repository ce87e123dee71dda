"""Checker of the project's vocabulary in code and documentation.

`python tools/check_words.py PATH ...` prints a line `file:line: found -> use` for each word that a reader from NumPy or
scikit-learn would not know, and exits with 1 if there is one. CONTRIBUTING.md has the rules; this file has the list.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

SUBSTITUTIONS = {
    r"way back|going back": "backward pass",
    r"strangers?": "third party, third-party plugin",
    r"newcomers?": "third-party plugin, plugin author, beginner",
    r"told(?! apart)": "given, reported, notified",
    r"(?:what|how it|the way \w+ \w+) (?:obtains it|is obtained)": "gradient estimator computes",
    r"is to become small": "loss to minimize",
    r"(?:go|goes|going|went|gone) on(?: with)?": "resume, continue",
    r"stand-ins?|stand(?:s|ing)? in for|stood in for": "override, placeholder",
    r"(?:is|are|was|were|be|been) looked at": "validated, checked",
    r"taken apart|(?:takes?|taking) \w+ apart": "flattened, split",
    r"put together again": "unflattened",
    r"(?:the|its|all|their|of|nested|no|as|array|other|which) leaves|leaf": "values of the nested state",
    r"corners?": "kink, discontinuity",
    r"slope that is claimed": "Taylor remainder test",
    r"keepers?": "checkpoint",
    r"yet to come": "partial download",
    r"looks that double": "group-sequential test, interim analysis",
    r"without a word": "silently; worker process died",
    r"(?:came|come|comes) of (?:it|the)": "results, outcome",
    r"(?:leaves?|left) behind": "run directory, trained model",
    r"there is:": "available:",
}
ANY = re.compile(rf"\b(?:{'|'.join(SUBSTITUTIONS)})(?!\w)", re.IGNORECASE)
BANNED = {re.compile(rf"\b(?:{found})(?!\w)", re.IGNORECASE): use for found, use in SUBSTITUTIONS.items()}

QUESTION = re.compile(r"(?:what|how|whether|which|who|whom|whose|where|when|why)\b", re.IGNORECASE)
TITLE = 14  # words in the first line of a module

PARTICIPLE = re.compile(
    r"_*(?:begun|kept|told|drawn|found|made|written|taken|given|shown|seen|said|done|known|held|gone|left|sent|built"
    r"|chosen|broken|put_together|(?!(?:seed|speed|feed|embed|fused)\b)[a-z]+ed)"
    r"(?:_(?:by|from|in|into|with|of|to|as|at|on|for)(?:_\w+)?)?"
)
QUESTION_NAME = re.compile(r"_*(?:what|how|whether|which|who|where|when|why)(?:_\w+)?")

PUBLIC_NAMES = {"created", "opened", "unscaled", "unchanged"}  # of modnet.files, modnet.Samples and a check

Finding = tuple[int, str, str]  # line, found, use


def check_text(text: str, line: int) -> Iterator[Finding]:
    """Yield the banned words of a text that begins at a line."""
    for pattern, use in BANNED.items() if ANY.search(text) else ():  # most texts have none
        for match in pattern.finditer(text):
            yield line + text.count("\n", 0, match.start()), " ".join(match.group().split()), use


def check_docstrings(tree: ast.Module, nodes: list[ast.AST]) -> Iterator[Finding]:
    """Yield what is wrong with the docstrings of a module, of its classes and functions, and of attributes."""
    for node in nodes:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if not isinstance(text := node.value.value, str):
            continue
        yield from check_text(text, node.lineno)
        first = re.split(r"(?<=[.?!])\s|\n\s*\n", text.strip(), maxsplit=1)[0]
        if QUESTION.match(first) or first.endswith("?"):
            yield node.lineno, " ".join(first.split()[:3]), "a noun phrase; of a function, a verb phrase"
        if node is tree.body[0] and len(first.split()) > TITLE:
            yield node.lineno, f"{len(first.split())} words in a module's first sentence", "a title of about 12"


def check_name(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Finding]:
    """Yield the banned words of a name, and of a function's that it is a participle or a question.

    Properties, fixtures and checks may have other names.
    """
    yield from check_text(re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", node.name), node.lineno)
    if isinstance(node, ast.ClassDef):
        return
    is_noun = any(re.search("property|fixture|SUITE.check", ast.unparse(found)) for found in node.decorator_list)
    is_exempt = is_noun or node.name in PUBLIC_NAMES
    if not is_exempt and (PARTICIPLE.fullmatch(node.name) or QUESTION_NAME.fullmatch(node.name)):
        yield node.lineno, f"def {node.name}", "a verb phrase, is_ or has_, to_ or from_"


def messages(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Yield the expressions that people read: raised errors, printed lines, help."""
    for node in nodes:
        if isinstance(node, ast.Raise) and node.exc:
            yield node.exc
        elif isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg in ("help", "remedy", "why"))
            if ast.unparse(node.func) in ("click.echo", "warnings.warn", "Problem", "PluginError"):
                yield from node.args


def check_python(source: str) -> Iterator[Finding]:
    """Yield what is wrong with the docstrings, messages, comments and names of a module."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    yield from check_docstrings(tree, nodes)
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from check_name(node)
    for message in messages(nodes):
        for part in ast.walk(message):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield from check_text(part.value, part.lineno)
    if not any(ANY.search(line.partition("#")[2]) for line in source.splitlines()):
        return  # most modules have none, and reading their tokens takes longest
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from check_text(token.string, token.start[0])


def check_markdown(source: str) -> Iterator[Finding]:
    """Yield the banned words of a page, its code left out."""
    blank = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
    yield from check_text(blank.sub(lambda code: "\n" * code.group().count("\n"), source), 1)


def check_paths(paths: list[Path]) -> Iterator[str]:
    """Yield a line for each finding below the paths, in their order."""
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            check = {".py": check_python, ".md": check_markdown}.get(file.suffix)
            if check and not file.name.endswith(".ko.md") and "_build" not in file.parts:
                for line, found, use in sorted(set(check(file.read_text(encoding="utf-8")))):
                    yield f"{file.as_posix()}:{line}: {found} -> {use}"


if __name__ == "__main__":
    findings = list(check_paths([Path(argument) for argument in sys.argv[1:]]))
    print("\n".join(findings))
    sys.exit(bool(findings))
