"""The store on PostgreSQL: named queries beside the code that runs them; nothing is opened at import."""
