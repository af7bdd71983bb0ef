"""A teacher's say in a list."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.embedded.teachers.mixing import mixed


def test_a_teacher_alone_replaces_what_the_list_said() -> None:
    cosines = np.array([0.9, 0.5], np.float32)
    found = mixed(np.array([0.0, 9.0], np.float32), cosines, 1.0)
    assert found[0] - found[1] == pytest.approx(25 * 0.4, abs=0.05)
