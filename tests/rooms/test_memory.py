from __future__ import annotations

import subprocess
import sys

import pytest

from commdoc.rooms.memory import _malloc_trim

PROGRAM = """
import os, psutil
from commdoc.rooms.memory import give_back
def used():
    return psutil.Process().memory_full_info().uss / 1e6
blobs, others = [], []
for _ in range(2_000):
    blobs.append(os.urandom(10_000))
    others.append(bytes(600))  # something that stays is always at the end of the heap
full = used()
blobs.clear()
give_back()
print(full - used())
"""


@pytest.mark.skipif(_malloc_trim() is None, reason="not glibc")
def test_what_blobs_took_is_given_back_though_something_behind_them_stays() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(ran.stdout) > 8
