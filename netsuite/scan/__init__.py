"""What portscan knows: which ports, at what pace, in what state, and how that compares."""
