#!/usr/bin/env python3
"""embed.py PAGE OUTPUT: makes the C++ source that holds the report's page, with every file that it includes in it."""

import os
import re
import sys


def array(name, text):
    """Bytes one by one: a string literal may have 65,536 at most."""
    data = text.encode("utf-8")
    numbers = [str(byte if byte < 128 else byte - 256) for byte in data]
    lines = [",".join(numbers[at:at + 40]) for at in range(0, len(numbers), 40)]
    return f"constexpr char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def main(page, output):
    folder = os.path.dirname(page)

    def include(match):
        with open(os.path.join(folder, match.group(1)), encoding="utf-8") as file:
            text = file.read()
        if "</script" in text or "</style" in text:
            raise SystemExit(f"{match.group(1)} would end its element")
        return text

    with open(page, encoding="utf-8") as file:
        text = re.sub(r"/\* include (\S+) \*/", include, file.read())
    before, after = text.split("/* results */")
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "tools/loadtest/report.hpp"\n\nnamespace tidemark::loadtest {\n\nnamespace {\n\n'
                   + array("kBefore", before) + array("kAfter", after) + "\n}  // namespace\n\n"
                   "const std::string_view kReportBefore(kBefore, sizeof kBefore);\n"
                   "const std::string_view kReportAfter(kAfter, sizeof kAfter);\n\n}  // namespace tidemark::loadtest\n")


main(*sys.argv[1:])
