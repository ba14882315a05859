"""What the host took of the machine is read alike by the bench and by the load, each of which has its own reader."""

from pathlib import Path

import psutil
import pytest

from loadtest.resources import Watch
from switch.bench.machine import ticks

# /proc/stat, hundredths of a second: user nice system idle iowait irq softirq steal guest guest_nice (proc_stat(5)).
BEFORE = "cpu  1000 100 500 5000 200 0 100 100 300 50\n"
# 1,000 more: 400 of them of guests, which user (300) and nice (100) have in them already; 250 stolen.
AFTER = "cpu  1300 200 600 5150 250 0 150 350 600 150\n"


@pytest.mark.skipif(not psutil.LINUX, reason="reads /proc/stat")
def test_the_stolen_share_counts_time_of_guests_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    stat = tmp_path / "stat"
    stat.write_text(BEFORE)
    before, watch = ticks(), Watch({})
    stat.write_text(AFTER)
    assert ticks().stolen_since(before) == pytest.approx(0.25)
    assert watch.stolen() == 0.25
