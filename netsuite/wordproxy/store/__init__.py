"""Where counted words are kept: one contract, several stores."""
