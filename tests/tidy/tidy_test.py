#!/usr/bin/env python3
"""tidy_test.py TIDY: copies tools/tidy beside small sources that break each rule and expects it to say so."""

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

    def test_long_files_are_named_and_pass(self):
        self.write("protocol/a.cpp", "\n" * 601)
        status, output = self.tidy("length")
        self.assertEqual(status, 0)
        self.assertIn("protocol/a.cpp: warning: 601 lines", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
