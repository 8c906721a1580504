#!/usr/bin/env python3
"""Tests the checks of tidy.py on small trees that keep, or break, each rule."""

import tempfile
import unittest
from pathlib import Path

import tidy

LISTS = "".join(f"spindle_layer({name}{depends})\n" for name, depends in [
    ("base", ""), ("format", " DEPENDS base"), ("policy", " DEPENDS base"), ("thread", " DEPENDS policy"),
    ("device", " DEPENDS thread LIBRARIES fs"), ("disk", " DEPENDS device"), ("cache", " DEPENDS device"),
    ("journal", " DEPENDS cache format"), ("alloc", " DEPENDS journal"), ("fs", " DEPENDS alloc"),
])
HEADER = "// One.\n// Two.\n// Three.\n// Four.\n#pragma once\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.put("CMakeLists.txt", LISTS)
        for layer in tidy.read_layers(self.root):
            self.put(f"include/spindle/{layer}/a.h", HEADER)
            self.put(f"src/{layer}/a.cc", f'#include "spindle/{layer}/a.h"\n')
        for program in tidy.FOLDERS:
            self.put(f"{program}/CMakeLists.txt", "spindle_program(a SOURCES a.cc)\n")

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def violations(self, check):
        return list(tidy.CHECKS[check](self.root))

    def assert_only(self, check, start):
        found = self.violations(check)
        self.assertEqual([line[:len(start)] for line in found], [start], found)

    def test_a_good_tree_has_no_violations(self):
        for check in tidy.CHECKS:
            self.assertEqual(self.violations(check), [], check)

    def test_an_include_may_go_down_but_not_up(self):
        self.put("src/fs/b.cc", '#include "spindle/base/a.h"\n#include "spindle/policy/a.h"\n')
        self.assertEqual(self.violations("layers"), [])
        self.put("src/device/b.cc", '#include <set>\n#include "spindle/fs/a.h"\n')
        self.assert_only("layers", "src/device/b.cc:2: may not include fs")

    def test_a_sister_is_not_below(self):
        self.put("include/spindle/format/b.h", HEADER + '#include "spindle/policy/a.h"\n')
        self.assert_only("layers", "include/spindle/format/b.h:6: may not include policy")

    def test_private_headers_are_private(self):
        self.put("src/fs/b.cc", '#include "fs/b.h"\n#include "alloc/b.h"\n')
        self.assert_only("layers", "src/fs/b.cc:2: includes a private header of alloc")

    def test_fsck_never_sees_the_file_system(self):
        self.put("fsck/a.cc", '#include "fsck/a.h"\n#include "spindle/alloc/a.h"\n#include "spindle/fs/a.h"\n')
        self.assert_only("layers", "fsck/a.cc:3: may not include fs")

    def test_only_the_filling_of_a_new_volume_sees_the_file_system(self):
        self.put("mkfs/populate.cc", '#include "spindle/fs/a.h"\n')
        self.put("mkfs/a.cc", '#include "spindle/fs/a.h"\n')
        self.assert_only("layers", "mkfs/a.cc:1: may not include fs")

    def test_the_command_may_include_anything(self):
        self.put("src/cli/a.cc", '#include "spindle/fs/a.h"\n#include "mkfs/a.h"\n#include "fsck/a.h"\n')
        self.assertEqual(self.violations("layers"), [])

    def test_only_base_logs_by_itself(self):
        self.put("src/base/b.cc", "#include <spdlog/spdlog.h>\n")
        self.put("src/fs/b.cc", "#include <spdlog/spdlog.h>\n")
        self.assert_only("layers", "src/fs/b.cc:1: only src/base includes spdlog")

    def test_a_type_is_defined_once(self):
        self.put("src/fs/b.cc", "namespace spindle {\nnamespace {\nstruct Local {\n};\n}  // namespace\n"
                                "struct Shared final {\n};\nclass Other;\nenum class Opaque : int;\n}  // namespace spindle\n")
        self.put("src/disk/b.cc", "namespace spindle {\nnamespace {\nstruct Local {\n};\n}  // namespace\n"
                                  "class Other {\n};\nenum class Opaque : int { kOne };\n}  // namespace spindle\n"
                                  "namespace spindle::cli {\nstruct Shared {\n};\n}  // namespace spindle::cli\n")
        self.assertEqual(self.violations("types"), [])
        self.put("fsck/b.h", "namespace spindle {\n\nclass Shared : public Other {\n};\n}  // namespace spindle\n")
        self.assert_only("types", "fsck/b.h:3: spindle::Shared is defined in src/fs/b.cc:6, too")

    def test_an_unknown_layer_is_noticed(self):
        self.put("src/fs/b.cc", '#include "spindle/gone/a.h"\n')
        self.assert_only("layers", "src/fs/b.cc:1: includes gone, which is no layer")
        self.put("src/gone/a.cc", "\n")
        self.assert_only("libraries", "src/gone:1: it is the folder of no layer")

    def test_layers_stand_lowest_first(self):
        self.put("CMakeLists.txt", "spindle_layer(top DEPENDS base)\n" + LISTS)
        self.put("include/spindle/top/a.h", HEADER)
        self.assert_only("libraries", "CMakeLists.txt:1: top depends on base")

    def test_budgets(self):
        body = "  step();\n"
        for lines, broken in ((68, False), (69, True)):
            self.put("src/fs/b.cc", "class A {\n" + "  int a_;\n" * 90 + "};\n\nint f() {\n" + body * lines + "}\n")
            self.assertEqual(bool(self.violations("budgets")), broken, lines)
        self.put("src/fs/b.cc", "void f() {\n" + body * 30 + "}\n\nvoid g() {\n" + body * 60 + "}\n")
        self.assertEqual(self.violations("budgets"), [])
        self.put("src/fs/b.cc", "namespace a {\nclass A {\n  A()\n      : b_(1) {\n" + "    step();\n" * 70 + "  }\n};\n}\n")
        self.assert_only("budgets", "src/fs/b.cc:3: the function has 73 lines")
        self.put("src/fs/b.cc", "//\n" * 601)
        self.assert_only("budgets", "src/fs/b.cc:601: the file has 601 lines")
        self.put("src/fs/b.cc", "//" + "x" * 99 + "\n")
        self.assert_only("budgets", "src/fs/b.cc:1: the line has 101 columns")

    def test_a_header_opens_with_its_contract(self):
        self.put("include/spindle/fs/b.h", "// One.\n#pragma once\n" + "int a();\n" * 40)
        self.assert_only("openings", "include/spindle/fs/b.h:1: a public header opens")
        self.put("include/spindle/fs/b.h", "// One.\n" * 26 + "#pragma once\n")
        self.assert_only("openings", "include/spindle/fs/b.h:1: a public header opens")
        self.put("include/spindle/fs/b.h", "// One.\n" * 4 + "int a();\n")
        self.assert_only("openings", "include/spindle/fs/b.h:5: #pragma once is missing")

    def test_nothing_unfinished_is_left(self):
        self.put("src/fs/b.cc", "int a;\n// TODO: more\n")
        self.assert_only("words", "src/fs/b.cc:2: TODO")


if __name__ == "__main__":
    unittest.main()
