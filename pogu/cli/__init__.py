"""The `pogu` command: parse, call an API, render. No logic; it starts fast (commands are imported when they run).

`main.main` is the entry point. `catalog` names every command and the module it lives in; `client` speaks HTTP to the
daemon; `templates` renders Go templates; `commands/` has a module for each noun.
"""
