"""Programs that load a switch over HTTP, audit its books and report: each a process of its own that knows only the client."""
