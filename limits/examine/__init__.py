"""The law looked at from outside: checked, listed, compared between days, tabled by who may pay what. Pure; decides nothing."""
