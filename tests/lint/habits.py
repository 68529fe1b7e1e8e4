#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no tool knows: the license line, the size of files, marks of unfinished work, the kind of comments."""

import pathlib
import re
import subprocess
import sys

LINES_MAX = 800
RULES = (
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "a mark of unfinished work"),
    (re.compile(r"[ \t]+$"), "white space at the end of the line"),
)
C_RULES = (
    (re.compile(r"(^|\s)//(?![^\"]*\"[^\"]*$)"), "a // comment"),
    (re.compile(r"\bsleep\(|\busleep\("), "a sleep"),
)


def complaints(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        yield 1, "no license line"
    if path.suffix in (".c", ".h") and len(lines) > LINES_MAX:
        yield LINES_MAX, f"{len(lines)} lines, more than {LINES_MAX}"
    rules = RULES + (C_RULES if path.suffix in (".c", ".h") else ())
    for number, line in enumerate(lines, 1):
        for pattern, what in rules:
            if pattern.search(line):
                yield number, what


def main():
    listed = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.py", "*.proto", "Makefile"],
                            capture_output=True, text=True, check=True).stdout.split()
    found = 0
    for name in listed:
        path = pathlib.Path(name)
        if not path.exists() or name == "tests/lint/habits.py":
            continue
        for number, what in complaints(path):
            print(f"{name}:{number}: {what}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
