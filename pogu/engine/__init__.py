"""One machine: containers and what they stand on. `pogu.engine.engine.Engine` puts the rooms together.

Rooms: `containers` (their life), over `runtime` (conmon and crun), `images`, `storage`, `networks`, `volumes` and
`logs`; `state` keeps the records, `events` tells what happened, `model` holds the records' forms.
"""
