#!/usr/bin/env python3
"""embed.py OUTPUT ROOT FILE...: writes the scenario files as a table of C++ strings.

A scenario's name is its path below ROOT without ".toml": "webmail", "ops/noop".
"""
import os
import sys

output, root, *files = sys.argv[1:]
with open(output, "w", encoding="utf-8") as out:
    out.write('#include "tools/loadtest/bundled.hpp"\n\nnamespace tidemark::loadtest {\n\n')
    out.write("const std::vector<BundledScenario>& bundled_scenarios() {\n")
    out.write("    static const std::vector<BundledScenario> kAll = {\n")
    for path in sorted(files):
        name = os.path.relpath(path, root)[: -len(".toml")]
        with open(path, encoding="utf-8") as file:
            out.write(f'        {{"{name}", R"--toml--({file.read()})--toml--"}},\n')
    out.write("    };\n    return kAll;\n}\n\n}  // namespace tidemark::loadtest\n")
