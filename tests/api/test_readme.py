# SPDX-License-Identifier: Apache-2.0
"""The README's table of operations is what the daemon says of itself."""

import subprocess
import sys

from harness.daemon import ROOT


def test_table_of_operations_is_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "tests/lint/readme_operations.py", "--check"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
