"""What libraries log while PostgreSQL is away is one line, not a page."""

import logging

import pytest
import structlog

from switch import logs


def test_a_pool_that_cannot_connect_is_told_in_one_line(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As asyncpg's pool says it, at every try."""
    before = structlog.get_config()
    logs.configure()
    logs.configure()
    try:
        pool = logging.getLogger("asyncpg.pool")
        try:
            raise ConnectionRefusedError(111, "Connect call failed")
        except ConnectionRefusedError:
            pool.warning("Failed to restore the pool connection floor; retrying", exc_info=True)
        pool.warning("Pool.close() is taking over 60 seconds to complete.")
    finally:
        structlog.configure(**before)
    said = "".join(capfd.readouterr())
    assert "Traceback" not in said and "Failed to restore" not in said
    assert said.count("PostgreSQL cannot be reached; the pool tries again") == 1 and "ConnectionRefusedError" in said
    assert caplog.messages == ["Pool.close() is taking over 60 seconds to complete."]  # what else it says is passed on
