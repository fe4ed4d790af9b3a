"""Standard input and output joined with a connection: bytes, line ends, half-close, recordings."""
