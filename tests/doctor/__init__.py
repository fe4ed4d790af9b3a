"""netsuite doctor: each fault is planted, for real where that can be, and has to be found."""
