"""What is wrong with an installation: facts are looked at, then judged, and told a line each."""
