"""How the switch logs: one line an event, exceptions as plain tracebacks. Never values of variables: names and ids stay out."""

import structlog


def configure() -> None:
    """Set structlog up for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
