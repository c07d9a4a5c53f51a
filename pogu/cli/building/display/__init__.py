"""What a build shows while it runs, and when it has failed.

`board` keeps what is known of the steps. `plain` writes lines, `live` draws over itself on a terminal, `raw` writes
what comes as JSON; `failure` shows a step that failed, and where it stands in the Dockerfile.
"""
