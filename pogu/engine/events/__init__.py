"""What happened, told to whoever listens: Docker's events with their filters and a replay buffer."""

from pogu.engine.events.bus import Event, EventBus, EventFilter

__all__ = ["Event", "EventBus", "EventFilter"]
