-- The tables of the word store, version 1.  Days are day numbers (0001-01-01 is 1), moments are seconds since 1970.
-- "main" counts main text, "other" boilerplate.  Columns with all_ count pages in both.

-- Relay processes and the last sequence that each has had counted: what makes a batch apply once.
CREATE TABLE node (
    id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE site (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE
) STRICT;

-- A word is its key in a language.  "plain" is the key without accents, for search.  The sums are those of all
-- tallies of the word, kept here because the plain list of words asks for nothing else.
CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    lang TEXT NOT NULL,
    plain TEXT NOT NULL,
    main INTEGER NOT NULL DEFAULT 0,
    other INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    all_pages INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    UNIQUE (key, lang)
) STRICT;

-- How often a word was met in which form; the most frequent one is shown.
CREATE TABLE form (
    word INTEGER NOT NULL,
    form TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (word, form)
) STRICT, WITHOUT ROWID;

-- Pages whose addresses are still kept.  Retention removes rows here, in visit and in met, nowhere else.
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    lang TEXT NOT NULL,
    site INTEGER NOT NULL,
    url TEXT,
    title TEXT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    UNIQUE (digest, lang)
) STRICT;

CREATE TABLE visit (
    page INTEGER NOT NULL,
    day INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    PRIMARY KEY (page, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX visit_by_day ON visit (day);

-- Which words were met on a page on a day, and whether in its main text.
CREATE TABLE met (
    page INTEGER NOT NULL,
    word INTEGER NOT NULL,
    day INTEGER NOT NULL,
    main INTEGER NOT NULL,
    PRIMARY KEY (page, word, day)
) STRICT, WITHOUT ROWID;

-- The numbers that stay.  "pages" are distinct within the day, "new" were met on no other day before: the sum of
-- "new" over days and sites is the number of distinct pages, also when the pages themselves are forgotten.
CREATE TABLE tally (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    word INTEGER NOT NULL,
    main INTEGER NOT NULL,
    other INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    all_pages INTEGER NOT NULL,
    new INTEGER NOT NULL,
    all_new INTEGER NOT NULL,
    PRIMARY KEY (site, day, word)
) STRICT, WITHOUT ROWID;

CREATE INDEX tally_by_word ON tally (word);

-- The same for whole pages.
CREATE TABLE reading (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    lang TEXT NOT NULL,
    visits INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    new INTEGER NOT NULL,
    PRIMARY KEY (site, day, lang)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (
    day INTEGER NOT NULL,
    host TEXT NOT NULL,
    outcome TEXT NOT NULL,
    amount REAL NOT NULL,
    PRIMARY KEY (day, outcome, host)
) STRICT, WITHOUT ROWID;
