-- What was answered, in the order of coming.  Fields: JSON, [[name, value], ...]; spam: why it was flagged, or ''.
CREATE TABLE entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  spam TEXT NOT NULL,
  marked INTEGER NOT NULL DEFAULT 0,
  origin TEXT NOT NULL,
  fields TEXT NOT NULL,
  files TEXT NOT NULL
) STRICT;
CREATE INDEX entry_kept ON entry (id) WHERE spam = '';
CREATE INDEX entry_spam ON entry (id) WHERE spam <> '';
CREATE INDEX entry_at ON entry (at);

-- Keys of what was sent, so that a double click is one entry; digest: of what came with the key.
CREATE TABLE sent (
  key BLOB PRIMARY KEY,
  at INTEGER NOT NULL,
  digest BLOB NOT NULL,
  entry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_at ON sent (at);
CREATE INDEX sent_entry ON sent (entry);

-- What is still to be told, and by which way; due is NULL once it was given up.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  entry INTEGER NOT NULL,
  way TEXT NOT NULL,
  born INTEGER NOT NULL,
  due INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  UNIQUE (entry, way)
) STRICT;
CREATE INDEX outbox_due ON outbox (due) WHERE due IS NOT NULL;

CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;
