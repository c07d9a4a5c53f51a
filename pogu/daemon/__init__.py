"""The daemon: configuration, listeners, TLS, start and stop order; it puts the other rooms together.

From outside: `pogu.daemon.commands` holds the commands `pogu up`, `pogu down` and `pogu system check`;
`pogu.daemon.process.main` runs a daemon in this process; `pogu.daemon.settings` is what it can be told.
"""
