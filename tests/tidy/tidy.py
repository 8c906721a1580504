#!/usr/bin/env python3
"""Checks what a compiler does not: who includes whom, names of types, budgets of size, and words that do not belong in
the sources.

    tidy.py {layers|libraries|types|budgets|openings|words} [ROOT]

The table of layers is that of CMakeLists.txt: each spindle_layer(NAME DEPENDS ...) says what NAME may include, and what
those may include it may too. The other folders with C++ have their rows in FOLDERS below. Prints one line for each
violation, `file:line: what`, and exits with 1 if there is any.
"""

import re
import sys
from pathlib import Path

MAX_FUNCTION_LINES = 70
MAX_SOURCE_LINES = 600
MAX_HEADER_LINES = 250
MAX_COLUMNS = 100
OPENING_LINES = range(4, 26)
GLANCE_LINES = 35  # a public header of so few lines may open with fewer: it is seen whole

# Programs, which are not layers: folder -> what they may include, with all below it. None: anything.
FOLDERS = {
    "src/cli": None,
    "mkfs": {"mkfs", "fs", "command_line", "json"},
    "fsck": {"fsck", "alloc", "command_line", "json"},
}
# The file system is filled through its public face alone by these; all else of FOLDERS may not even see it.
ONLY_FILES = {("mkfs", "fs"): {"mkfs/populate.cc", "mkfs/populate.h"}}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')
LAYER = re.compile(r"^\s*spindle_layer\((\w+)([^)]*)\)", re.MULTILINE)
FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX)\b")
CPLUSPLUS = {".cc", ".h"}


def read_layers(root):
    """The direct dependencies of each layer, from CMakeLists.txt."""
    layers = {}
    for name, rest in LAYER.findall((root / "CMakeLists.txt").read_text()):
        words = rest.split()
        depends = []
        if "DEPENDS" in words:
            for word in words[words.index("DEPENDS") + 1:]:
                if word in ("LIBRARIES", "DEPENDS"):
                    break
                depends.append(word)
        layers[name] = depends
    return layers


def closure(layers, names):
    """The layers of `names`, and all that they may include."""
    reached = {"base"}
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead.extend(layers.get(name, []))
    return reached


def sources(root, *folders):
    """All C++ of these folders, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in CPLUSPLUS and path.is_file():
                yield path


def lines_of(path):
    return path.read_text().split("\n")[:-1] if path.stat().st_size else []


def allowed_for(root, path, layers):
    """The layers and folders that this file may include; None: all."""
    name = path.relative_to(root).as_posix()
    for folder, row in FOLDERS.items():
        if name.startswith(folder + "/"):
            return None if row is None else closure(layers, row)
    parts = name.split("/")
    layer = parts[2] if parts[0] == "include" else parts[1]
    return {layer} | closure(layers, layers.get(layer, []))


def check_layers(root):
    layers = read_layers(root)
    if len(layers) < 10:
        yield "CMakeLists.txt:1: the table of layers could not be read"
    known = set(layers) | {"mkfs", "fsck", "cli"}
    for path in sources(root, "include", "src", "mkfs", "fsck"):
        name = path.relative_to(root).as_posix()
        allowed = allowed_for(root, path, layers)
        for number, line in enumerate(lines_of(path), 1):
            include = INCLUDE.match(line)
            if not include:
                continue
            parts = include[1].split("/")
            is_public = parts[0] == "spindle"
            target = parts[1] if is_public and len(parts) > 2 else parts[0] if len(parts) > 1 else ""
            if target == "spdlog" and not name.startswith("src/base/"):
                yield f"{name}:{number}: only src/base includes spdlog"
            if is_public and target not in known:
                yield f"{name}:{number}: includes {target}, which is no layer"
            if target not in known or allowed is None:
                continue
            if target not in allowed:
                yield f"{name}:{number}: may not include {target}"
            elif not is_public and target in layers and not name.startswith(f"src/{target}/"):
                yield f"{name}:{number}: includes a private header of {target}"
            for (folder, barred), files in ONLY_FILES.items():
                if name.startswith(folder + "/") and target == barred and name not in files:
                    yield f"{name}:{number}: may not include {target}"


def check_libraries(root):
    """Each layer has files, and each folder of files is a layer or a program."""
    layers = read_layers(root)
    for layer, depends in layers.items():
        if not (root / "include/spindle" / layer).is_dir():
            yield f"CMakeLists.txt:1: the layer {layer} has no headers"
        for other in depends:
            if list(layers).index(other) >= list(layers).index(layer) if other in layers else True:
                yield f"CMakeLists.txt:1: {layer} depends on {other}, which does not stand before it"
    for folder in ("include/spindle", "src"):
        for path in sorted((root / folder).iterdir()):
            is_program = (root / "src" / path.name / "CMakeLists.txt").is_file()
            if path.is_dir() and any(path.iterdir()) and path.name not in layers and not is_program:
                yield f"{folder}/{path.name}:1: it is the folder of no layer"
    for folder in FOLDERS:
        lists = root / folder / "CMakeLists.txt"
        if not lists.is_file() or "spindle_program" not in lists.read_text():
            yield f"{folder}/CMakeLists.txt:1: it builds no program"


NAMESPACE = re.compile(r"^(?:inline )?namespace (?:([\w:]+) )?\{$")
TYPE = re.compile(r"^(?!.*;$)(?:struct|class|enum class|enum|union)\s+(?:\[\[\w+\]\]\s*)?(?:alignas\(\w+\)\s*)?(\w+)\s*"
                  r"(?:final\s*)?(?:$|:[^:]|\{)")


def types_of(lines):
    """The types whose names are visible outside of their file: (line, name with its namespaces)."""
    namespaces = []
    for number, line in enumerate(lines, 1):
        opened = NAMESPACE.match(line)
        if opened:
            namespaces.append(opened[1] or "")
        elif line.startswith("}  // namespace") and namespaces:
            namespaces.pop()
        elif all(namespaces):
            found = TYPE.match(line)
            if found:
                yield number, "::".join([*namespaces, found[1]])


def check_types(root):
    """Two types of one name in one program are an error that no linker reports."""
    places = {}
    for path in sources(root, "include", "src", "mkfs", "fsck"):
        name = path.relative_to(root).as_posix()
        for number, full_name in types_of(lines_of(path)):
            first = places.setdefault(full_name, f"{name}:{number}")
            if not first.startswith(f"{name}:"):
                yield f"{name}:{number}: {full_name} is defined in {first}, too"


NO_FUNCTION = re.compile(r"^(template\s*<.*>\s*)?(namespace|extern|class|struct|union|enum)\b")
ENDS_STATEMENT = re.compile(r"([;{}]|^\s*(public|private|protected):|^\s*//.*|^\s*#.*|^\s*)$")


def functions_of(lines):
    """(first line, length) of each function with a body: by the indentation that clang-format keeps."""
    index = 0
    while index < len(lines):
        line = lines[index]
        first = index
        index += 1
        if not line.endswith("{") or line.lstrip().startswith(("//", "#", "}")):
            continue
        while first > 0 and not ENDS_STATEMENT.search(lines[first - 1]):
            first -= 1
        head = " ".join(part.strip() for part in lines[first:index])
        is_table = head.endswith(("= {", "= {{"))
        if not is_table and ("(" not in head or NO_FUNCTION.match(head)):
            continue
        indent = len(lines[first]) - len(lines[first].lstrip())
        close = index
        while close < len(lines) and not re.match(r"^ {%d}\}" % indent, lines[close]):
            close += 1
        if not is_table:
            yield first + 1, close - first + 1
        index = close + 1


def check_budgets(root):
    for path in sources(root, "include", "src", "mkfs", "fsck", "tests", "bench"):
        name = path.relative_to(root).as_posix()
        lines = lines_of(path)
        most = MAX_HEADER_LINES if path.suffix == ".h" else MAX_SOURCE_LINES
        if len(lines) > most:
            yield f"{name}:{len(lines)}: the file has {len(lines)} lines, {most} at most"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{name}:{number}: the line has {len(line)} columns, {MAX_COLUMNS} at most"
        for number, length in functions_of(lines):
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{number}: the function has {length} lines, {MAX_FUNCTION_LINES} at most"


def check_openings(root):
    for path in sources(root, "include"):
        name = path.relative_to(root).as_posix()
        lines = lines_of(path)
        opening = 0
        while opening < len(lines) and lines[opening].startswith("//"):
            opening += 1
        least = 1 if len(lines) <= GLANCE_LINES else OPENING_LINES.start
        if not least <= opening < OPENING_LINES.stop:
            yield (f"{name}:1: a public header opens with {least} to {OPENING_LINES.stop - 1} "
                   f"lines of comment, not {opening}")
        if "#pragma once" not in lines[:opening + 2]:
            yield f"{name}:{opening + 1}: #pragma once is missing after the opening comment"


def check_words(root):
    suffixes = CPLUSPLUS | {".S", ".py", ".sh", ".txt", ".cmake"}
    own = Path(__file__).resolve().parent
    for folder in ("include", "src", "mkfs", "fsck", "tests", "bench", "cmake", "scripts"):
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or own in path.resolve().parents:
                continue
            if path.suffix not in suffixes and folder != "scripts":
                continue
            for number, line in enumerate(lines_of(path), 1):
                word = FORBIDDEN.search(line)
                if word:
                    yield f"{path.relative_to(root).as_posix()}:{number}: {word[1]} is for what is not finished"


CHECKS = {
    "layers": check_layers,
    "libraries": check_libraries,
    "types": check_types,
    "budgets": check_budgets,
    "openings": check_openings,
    "words": check_words,
}


def main(arguments):
    if not arguments or arguments[0] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).resolve().parents[2]
    violations = list(CHECKS[arguments[0]](root))
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
