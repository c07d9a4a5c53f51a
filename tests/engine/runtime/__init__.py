"""Tests of the runtime room."""

import pytest

pytest.register_assert_rewrite("tests.engine.runtime.contract", "tests.engine.runtime.ground")
