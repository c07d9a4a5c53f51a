"""Running a graph of steps: side by side where it can be, each step once, and not at all where the cache has it."""
