"""From a name to its addresses: by one DNS server, or by the system."""
