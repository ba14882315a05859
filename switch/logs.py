"""How the switch logs: one line an event, exceptions as plain tracebacks. Never values of variables: names and ids stay out."""

import logging

import structlog

log = structlog.get_logger()


def _in_one_line(record: logging.LogRecord) -> bool:
    """Say in one line of ours what asyncpg's pool says with the whole way it came: that PostgreSQL is away, at each try."""
    if record.exc_info is None or record.exc_info[1] is None:
        return True
    error = record.exc_info[1]
    log.warning("PostgreSQL cannot be reached; the pool tries again", error=f"{type(error).__name__}: {error}"[:200])
    return False


def configure() -> None:
    """Set structlog up for this process, and what libraries say through the standard library's logging."""
    logging.getLogger("asyncpg.pool").addFilter(_in_one_line)  # added once, however often
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
