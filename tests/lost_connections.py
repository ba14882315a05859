"""What asyncpg raises where PostgreSQL, or the line to it, is gone: the switch's store and the rails' books map it alike."""

import asyncpg

LOST: tuple[Exception, ...] = (
    ConnectionResetError("planted"),
    TimeoutError("planted"),
    asyncpg.InterfaceError("planted"),
    asyncpg.InternalClientError("planted"),  # a query sent on a connection whose end asyncpg has not read yet
    asyncpg.ConnectionDoesNotExistError("planted"),
    asyncpg.CannotConnectNowError("planted"),
    asyncpg.TooManyConnectionsError("planted"),
    asyncpg.AdminShutdownError("planted"),
    asyncpg.CrashShutdownError("planted"),
    asyncpg.QueryCanceledError("planted"),  # by an operator; a time-out of ours is a TimeoutError
    asyncpg.DiskFullError("planted"),
    asyncpg.PostgresIOError("planted"),
    asyncpg.LockNotAvailableError("planted"),
    asyncpg.IdleInTransactionSessionTimeoutError("planted"),
)
