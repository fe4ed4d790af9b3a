"""Network services that run under twistd, and the client tools that go with them."""
