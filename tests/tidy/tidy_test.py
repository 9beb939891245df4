#!/usr/bin/env python3
"""tidy_test.py TIDY: copies tools/tidy beside small sources that break each rule and expects it to say so."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.abspath(sys.argv.pop(1))


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidemark-tidy-")
        self.addCleanup(shutil.rmtree, self.root)
        os.mkdir(os.path.join(self.root, "tools"))
        shutil.copy(TIDY, os.path.join(self.root, "tools", "tidy"))

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def tidy(self, check):
        run = subprocess.run([sys.executable, os.path.join(self.root, "tools", "tidy"), check],
                             capture_output=True, text=True)
        return run.returncode, run.stdout

    def test_layers_may_not_look_upwards(self):
        for path, include in {
            "protocol/a.cpp": "<asio.hpp>",
            "protocol/b.cpp": "<rocksdb/db.h>",
            "storage/a.cpp": "<asio/post.hpp>",
            "actors/a.cpp": "<rocksdb/db.h>",
            "tools/a.cpp": "<rocksdb/db.h>",
            "tests/tools/a.cpp": "<rocksdb/db.h>",
        }.items():
            with self.subTest(path=path):
                self.write(path, f"#include {include}\n")
                status, output = self.tidy("includes")
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:1: ", output)
                os.remove(os.path.join(self.root, path))

    def test_folders_of_ours_count_as_well(self):
        self.write("storage/types.hpp", "#pragma once\n")
        self.write("protocol/a.cpp", '\n#include "storage/types.hpp"\n')
        status, output = self.tidy("includes")
        self.assertEqual((status, output), (1, "protocol/a.cpp:2: protocol/ must not include storage/types.hpp\n"))

    def test_what_the_design_wants_passes(self):
        self.write("storage/types.hpp", "#pragma once\n#include <rocksdb/db.h>\n")
        self.write("actors/a.cpp", '#include "storage/types.hpp"\n#include <asio.hpp>\n')
        self.assertEqual(self.tidy("includes"), (0, ""))

    def test_includes_are_written_from_the_root_and_headers_have_a_guard(self):
        self.write("protocol/b.hpp", "\n")
        self.write("protocol/a.cpp", '#include "b.hpp"\n')
        status, output = self.tidy("includes")
        self.assertEqual(status, 1)
        self.assertIn('"b.hpp" is not a file below the root', output)
        self.assertIn("protocol/b.hpp: no #pragma once", output)

    def test_a_cited_rfc_is_in_the_table(self):
        self.write("protocol/rfc.md", "| RFC | what |\n|---|---|\n| 9051 | IMAP4rev2 |\n")
        self.write("protocol/a.cpp", "// RFC 9051 §6.4.5\n")
        self.assertEqual(self.tidy("rfc"), (0, ""))
        self.write("protocol/a.cpp", "// RFC 9051 §6.4.5; RFC 7162 §3.1\n")
        status, output = self.tidy("rfc")
        self.assertEqual(status, 1)
        self.assertIn("protocol/a.cpp:1: cites RFC 7162", output)

    def test_formatting_is_checked(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("protocol/a.cpp", "int  a ;\n")
        status, output = self.tidy("format")
        self.assertEqual(status, 1)
        self.assertIn("protocol/a.cpp: not formatted", output)

    def compile_commands(self, names):
        self.write("build/release/compile_commands.json", json.dumps(
            [{"directory": self.root, "file": f"protocol/{name}.cpp", "output": f"protocol.a.p/{name}.o",
              "command": f"clang++-19 -std=c++20 -Wall -Werror -I{self.root} -c protocol/{name}.cpp"}
             for name in names]))

    def test_clang_tidy_looks_into_files_that_are_checked_together(self):
        shutil.copy(os.path.join(os.path.dirname(TIDY), "..", ".clang-tidy"), self.root)
        self.write("protocol/text.hpp", "#pragma once\n#include <string>\n#include <utility>\n"
                                        "std::string taken(std::string text);\n")
        clean = '#include "protocol/text.hpp"\nstd::string taken(std::string text) { return text; }\n'
        spoiled = ('#include "protocol/text.hpp"\n'
                   "std::size_t size_of(std::string text) {\n"
                   "    const std::string other = taken(std::move(text));\n"
                   "    return other.size() + text.size();\n"
                   "}\n")
        copies = ('#include <string>\n#include <vector>\n'
                  "std::size_t total(const std::vector<std::string>& all) {\n"
                  "    std::size_t sum = 0;\n"
                  "    for (const std::string one : all) sum += one.size();\n"
                  "    return sum;\n"
                  "}\n")
        self.write("protocol/a.cpp", clean)
        self.write("protocol/b.cpp", spoiled)
        self.write("protocol/c.cpp", copies)
        self.write("protocol/d.cpp", "namespace {\nint number() { return 1; }\n}\nint one() { return number(); }\n")
        self.write("protocol/e.cpp", "namespace {\nint number() { return 2; }\n}\nint two() { return number(); }\n")
        self.compile_commands("abc")
        status, output = self.tidy("clang")
        self.assertEqual(status, 1)
        self.assertIn("protocol/b.cpp:4:27: error: 'text' used after it was moved", output)
        self.assertIn("protocol/c.cpp:5:28: error: the loop variable's type is not a reference", output)
        # Files that can not stand together are looked at alone.
        self.compile_commands("abcde")
        self.assertEqual(self.tidy("clang"), (1, output))
        self.write("protocol/b.cpp", clean.replace("taken(", "kept("))
        self.write("protocol/c.cpp", copies.replace("std::string one", "std::string& one"))
        self.assertEqual(self.tidy("clang"), (0, ""))
        # What was clean is remembered, and forgotten when a header of it changes.
        self.write("protocol/text.hpp", "#pragma once\n#include <string>\n#include <utility>\n"
                                        "std::string taken(std::string text);\n#define BAD(a) a * 2\n")
        status, output = self.tidy("clang")
        self.assertEqual(status, 1)
        self.assertIn("protocol/text.hpp:5:", output)

    def test_long_files_are_named_and_pass(self):
        self.write("protocol/a.cpp", "\n" * 601)
        status, output = self.tidy("length")
        self.assertEqual(status, 0)
        self.assertIn("protocol/a.cpp: warning: 601 lines", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
