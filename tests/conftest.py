"""Fixtures and reports of every Python test; see docs/internals/tests.md."""

pytest_plugins = ["support.plugin"]
