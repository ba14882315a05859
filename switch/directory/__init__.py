"""The directory of payees: proxies, accounts and the names they are registered under; how names are compared."""
