"""What validate says of documents."""
