"""The protocols that clients speak, each translated into calls of the engine."""
