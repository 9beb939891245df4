#!/usr/bin/env python3
"""embed.py PAGE OUTPUT: makes the C++ source that holds the report's page, with every file that it includes in it."""

import os
import re
import sys

PIECE = 8000  # characters of one string literal; compilers need not take more than 65,536


def literal(text):
    def escape(byte):
        char = chr(byte)
        return "\\n" if char == "\n" else "\\" + char if char in '"\\?' else char if 32 <= byte < 127 else f"\\{byte:03o}"
    data = text.encode("utf-8")
    pieces = ["".join(map(escape, data[at:at + PIECE])) for at in range(0, len(data), PIECE)]
    return "std::string_view(\n" + "\n".join(f'    "{piece}"' for piece in pieces) + f",\n    {len(data)})"


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
        file.write('#include "tools/loadtest/report.hpp"\n\nnamespace tidemark::loadtest {\n\n'
                   f"const std::string_view kReportBefore = {literal(before)};\n\n"
                   f"const std::string_view kReportAfter = {literal(after)};\n\n}}  // namespace tidemark::loadtest\n")


main(*sys.argv[1:])
