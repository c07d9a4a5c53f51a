"""The engine's objects in the shapes of Docker's API."""
