"""From start to removal: launching, stopping, what happens at an exit, restart policies, waiting."""
