"""A process gives back what a burst took."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BURST = """
import time, psutil
from clients.memory import give_back_memory

def taken():
    return psutil.Process().memory_full_info().uss

before = taken()
burst = [bytearray(2_000) for _ in range(30_000)]
kept = burst[::1_000]  # something small always lies at the end
del burst
burst = taken() - before
give_back_memory(every_s=0.05)
deadline = time.monotonic() + 60
while taken() - before > burst / 3 and time.monotonic() < deadline:
    time.sleep(0.05)
print(burst > 50e6, taken() - before <= burst / 3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another allocator")
def test_memory_of_a_burst_is_given_back_although_something_of_it_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BURST], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["True", "True"]
