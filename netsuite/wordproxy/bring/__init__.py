"""Words in from elsewhere: recorded browsing (HAR, WARC), plain text, lists of known words."""
