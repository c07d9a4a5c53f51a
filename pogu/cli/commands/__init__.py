"""The commands, a module for each noun; `pogu.cli.catalog` says which module is imported for which command."""
