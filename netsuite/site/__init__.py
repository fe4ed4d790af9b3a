"""What all our web sites share: page frame, templates, bounds, Host check, headers."""
