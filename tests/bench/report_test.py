#!/usr/bin/env python3
"""The arithmetic of the benchmarks' report: medians, ratios in the right direction, targets, means."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/volume"))
import report  # noqa: E402


def row(unit="op/s", kind="crossing", stopped=None, cannot=None, **seconds):
    """A row of 100 operations (or one command), and the seconds of each round by file system."""
    amount = 1 if unit in report.LOWER_IS_BETTER else 100
    samples = {name.replace("_", "-"): [{"seconds": value, "amount": amount} for value in values]
               for name, values in seconds.items()}
    return {"group": "g", "name": "r", "unit": unit, "kind": kind, "samples": samples, "cannot": cannot or {},
            "stopped_after": stopped or {}}


class Report(unittest.TestCase):
    def test_figures_are_medians(self):
        self.assertAlmostEqual(report.figure(row(spindle=[1, 2, 100]), "spindle"), 50)
        self.assertAlmostEqual(report.figure(row("s", spindle=[1, 2, 100]), "spindle"), 2)
        self.assertIsNone(report.figure(row(spindle=[1]), "ext4"))

    def test_above_one_is_faster_whatever_the_unit(self):
        self.assertAlmostEqual(report.ratio(row(spindle=[1], ext4=[3]), "ext4")[0], 3)
        self.assertAlmostEqual(report.ratio(row("s", spindle=[1], ext4=[3]), "ext4")[0], 3)
        self.assertAlmostEqual(report.ratio(row("MiB", spindle=[6], ext4=[3]), "ext4")[0], 0.5)

    def test_a_peer_that_was_stopped_is_slower_by_at_least(self):
        stopped = row(spindle=[2], stopped={"fuse2fs": 120}, cannot={"fuse2fs": "too slow"})
        self.assertEqual(report.ratio(stopped, "fuse2fs"), (60, True))
        self.assertEqual(report.misses(stopped), [])
        self.assertIsNone(report.ratio(row(spindle=[2]), "fuse2fs"))

    def test_targets(self):
        self.assertEqual(report.misses(row(spindle=[1], fuse2fs=[2], ntfs_3g=[1.1], ext4=[0.26])), [])
        self.assertEqual(report.misses(row(spindle=[1], fuse2fs=[0.9], ntfs_3g=[2])), ["slower than fuse2fs"])
        self.assertEqual(report.misses(row(spindle=[1], ntfs_3g=[0.5])), ["slower than ntfs-3g"])
        self.assertEqual(report.misses(row(spindle=[1], ext4=[0.24])), ["below 0.25 of ext4"])
        self.assertEqual(report.misses(row(kind="kernel", spindle=[1], ext4=[0.49])), ["below 0.5 of ext4"])
        self.assertEqual(report.misses(row("s", "command", spindle=[1], ext4=[0.01])), [])
        self.assertEqual(report.misses(row("MiB", "memory", spindle=[100], fuse2fs=[1])), [])
        self.assertEqual(report.misses(row(cannot={"spindle": "it broke"}, ext4=[1])), ["failed"])

    def test_geometric_mean_leaves_memory_out(self):
        rows = [row(spindle=[1], ext4=[8]), row(spindle=[1], ext4=[2]), row("MiB", "memory", spindle=[1], ext4=[1000])]
        self.assertAlmostEqual(report.geometric_mean(rows, "ext4"), 4)
        self.assertIsNone(report.geometric_mean(rows, "fuse2fs"))

    def test_the_table_counts_the_misses(self):
        result = {"file_systems": ["spindle", "fuse2fs"],
                  "rows": [row(spindle=[1], fuse2fs=[4]), row(spindle=[1], fuse2fs=[0.5])]}
        text = report.text_report(result)
        self.assertIn("rows that miss a target: 1 of 2", text)
        self.assertIn("slower than fuse2fs", text)
        self.assertIn("geometric mean of spindle/fuse2fs: 1.41", text)


if __name__ == "__main__":
    unittest.main()
