"""The registry: a server of the OCI distribution specification 1.1, with its storage, rules and housekeeping.

From outside: `pogu.registry.options` says what a registry can be told, and `pogu.registry.process` runs one in this
process. Inside, a request goes through `front` (who is it, may they) to `api/` (HTTP to calls), which asks
`repositories` and `uploads`; both keep what they have in a `storage.Store`. `names`, `manifests`, `ranges`, `targets`
and `paging` know the protocol and do no I/O.
"""
