-- The tables of the word store, version 2.  Days are day numbers (0001-01-01 is 1), moments are seconds since 1970.
-- "main" counts main text, "other" boilerplate.  Columns with all_ before "pages" and "new" count pages in both.

-- Relay processes and the last sequence that each has had counted: what makes a batch apply once.
CREATE TABLE node (
    id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- "lang" is the site's language where it was corrected.
CREATE TABLE site (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE,
    lang TEXT
) STRICT;

-- A word is its key in a language.  "plain" is the key without accents, for search.  The sums are those of all
-- tallies of the word, kept here because the plain list of words asks for nothing else.  "named" sums up the
-- tallies' "named", "small" the occurrences of forms in small letters: they tell names.
CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    lang TEXT NOT NULL,
    plain TEXT NOT NULL,
    main INTEGER NOT NULL DEFAULT 0,
    other INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    all_pages INTEGER NOT NULL DEFAULT 0,
    named INTEGER NOT NULL DEFAULT 0,
    small INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    UNIQUE (key, lang)
) STRICT;

-- How often words were removed or lost days: who remembers their numbers and days forgets them then.
CREATE TABLE generation (
    n INTEGER NOT NULL
) STRICT;

INSERT INTO generation VALUES (0);

CREATE TRIGGER word_gone AFTER DELETE ON word BEGIN
    UPDATE generation SET n = n + 1;
END;

CREATE TRIGGER word_narrowed AFTER UPDATE OF first, last ON word
WHEN NEW.first > OLD.first OR NEW.last < OLD.last BEGIN
    UPDATE generation SET n = n + 1;
END;

-- How often a word was met in a form that is not its key; the key has the rest of main and other.  The most frequent
-- form is shown.
CREATE TABLE form (
    word INTEGER NOT NULL,
    form TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (word, form)
) STRICT, WITHOUT ROWID;

-- How well words are known, met or not: the level's place in LEVELS, never 0.
CREATE TABLE known (
    lang TEXT NOT NULL,
    key TEXT NOT NULL,
    level INTEGER NOT NULL,
    PRIMARY KEY (lang, key)
) STRICT, WITHOUT ROWID;

-- Pages whose addresses are still kept.  Retention removes rows here and in the tables whose rows are a page's,
-- nowhere else.  The url and the title are those of the newest day that has one.
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

-- A page's visits of a day; of these "recounted", "ingested" and "imported" tell where they came from.  "new": the
-- page is counted as new on that day in "reading".
CREATE TABLE visit (
    page INTEGER NOT NULL,
    day INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    recounted INTEGER NOT NULL,
    ingested INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    new INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    url TEXT,
    title TEXT,
    PRIMARY KEY (page, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX visit_by_day ON visit (day);

-- Which words were met on a page on a day, in columns (`vectors`): numbers of words; "main" and "other" are those of
-- the day's latest visit, both 0 if the word was gone by then; "all_main" and "all_other" are sums over all visits of
-- that day, empty where they are the same.  "flags": 1: the page is counted as new for the word on that day (all_new),
-- 2: the same for its main text (new), 4: named.  "forms": those that are not their word's key.
CREATE TABLE met (
    page INTEGER NOT NULL,
    day INTEGER NOT NULL,
    words BLOB NOT NULL,
    main BLOB NOT NULL,
    other BLOB NOT NULL,
    all_main BLOB NOT NULL,
    all_other BLOB NOT NULL,
    flags BLOB NOT NULL,
    forms BLOB NOT NULL,
    PRIMARY KEY (page, day)
) STRICT;

-- Sentences of pages, and the words that they show.
CREATE TABLE sentence (
    id INTEGER PRIMARY KEY,
    page INTEGER NOT NULL,
    day INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX sentence_by_page ON sentence (page);

CREATE TABLE context (
    word INTEGER NOT NULL,
    sentence INTEGER NOT NULL,
    PRIMARY KEY (word, sentence)
) STRICT, WITHOUT ROWID;

CREATE INDEX context_by_sentence ON context (sentence);

-- The numbers that stay.  "pages" are distinct within the day, "new" were met on no other day before: the sum of
-- "new" over days and sites is the number of distinct pages, also when the pages themselves are forgotten.
-- "named": on how many pages of the day the word stood capitalised in the midst of a sentence.
-- In columns, empty where all are 0, words ascending; the numbers of a site's day are the sums of its parts.
CREATE TABLE tally (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    part INTEGER NOT NULL,
    words BLOB NOT NULL,
    main BLOB NOT NULL,
    other BLOB NOT NULL,
    pages BLOB NOT NULL,
    all_pages BLOB NOT NULL,
    new BLOB NOT NULL,
    all_new BLOB NOT NULL,
    named BLOB NOT NULL,
    PRIMARY KEY (site, day, part)
) STRICT;

CREATE INDEX tally_by_day ON tally (day, site);

-- What "met" had in "forms" of pages that retention has removed.
CREATE TABLE tally_form (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    word INTEGER NOT NULL,
    form TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (site, day, word, form)
) STRICT, WITHOUT ROWID;

-- The same as the tallies for whole pages.
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

-- Sums of tallies over a span of days (see sums.py): of all sites (0) or one, in one language; columns of numbers, squeezed.
-- Derived.
CREATE TABLE pack (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    site INTEGER NOT NULL,
    lang TEXT NOT NULL,
    words BLOB NOT NULL,
    main BLOB NOT NULL,
    everything BLOB NOT NULL,
    pages BLOB NOT NULL,
    all_pages BLOB NOT NULL,
    new BLOB NOT NULL,
    all_new BLOB NOT NULL,
    PRIMARY KEY (first, last, site, lang)
) STRICT;

-- What a pack comes to (see gists.py): occurrences, distinct words, and what of the main text is known, as it was after
-- so many changes of levels ("said"; -1: not counted yet).  Derived.
CREATE TABLE gist (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    site INTEGER NOT NULL,
    lang TEXT NOT NULL,
    in_main INTEGER NOT NULL,
    in_all INTEGER NOT NULL,
    n_main INTEGER NOT NULL,
    n_all INTEGER NOT NULL,
    known_main INTEGER NOT NULL,
    known_n INTEGER NOT NULL,
    said INTEGER NOT NULL,
    PRIMARY KEY (first, last, site, lang)
) STRICT, WITHOUT ROWID;

-- Words that came to be known, or were known before ("was") and are not any more, since a gist was counted.
CREATE TABLE said (
    n INTEGER PRIMARY KEY,
    word INTEGER NOT NULL,
    was INTEGER NOT NULL
) STRICT;

-- Which words were met again on pages visited on several days (see again.py).  Derived.
CREATE TABLE again (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    site INTEGER NOT NULL,
    words BLOB NOT NULL,
    before BLOB NOT NULL,
    main_before BLOB NOT NULL,
    PRIMARY KEY (first, last, site)
) STRICT;

-- How many words were met for the first time on a day, at a site or at all (0) (see fresh.py).  Derived.
CREATE TABLE fresh (
    day INTEGER NOT NULL,
    site INTEGER NOT NULL,
    lang TEXT NOT NULL,
    n INTEGER NOT NULL,
    all_n INTEGER NOT NULL,
    PRIMARY KEY (day, site, lang)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER fresh_moved AFTER UPDATE OF first ON word WHEN NEW.first <> OLD.first BEGIN
    DELETE FROM fresh WHERE day IN (OLD.first, NEW.first);
END;

CREATE TRIGGER fresh_gone AFTER DELETE ON word BEGIN
    DELETE FROM fresh WHERE day = OLD.first;
END;

-- Base forms, and the words that have one which isn't their key or is another's, too (see bases.py); the last word that
-- was looked up.  Derived.
CREATE TABLE lemma (
    id INTEGER PRIMARY KEY,
    lang TEXT NOT NULL,
    form TEXT NOT NULL,
    UNIQUE (lang, form)
) STRICT;

CREATE TABLE base (
    word INTEGER PRIMARY KEY,
    lemma INTEGER NOT NULL
) STRICT;

CREATE INDEX base_by_lemma ON base (lemma);

CREATE TABLE based (
    word INTEGER PRIMARY KEY
) STRICT;

CREATE TRIGGER base_gone AFTER DELETE ON base
WHEN NOT EXISTS (SELECT 1 FROM base WHERE lemma = OLD.lemma) BEGIN
    DELETE FROM lemma WHERE id = OLD.lemma;
END;

-- A number that is given out again is that of a word that is to be looked up.
CREATE TRIGGER word_unbased AFTER DELETE ON word BEGIN
    DELETE FROM base WHERE word = OLD.id;
    UPDATE based SET word = (SELECT coalesce(max(id), 0) FROM word)
    WHERE word > (SELECT coalesce(max(id), 0) FROM word);
END;

-- The spans that are summed up, and those that are to be.
CREATE TABLE summed (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

CREATE TABLE stale (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

CREATE INDEX reading_by_day ON reading (day);

CREATE INDEX word_by_first ON word (first);

CREATE INDEX word_names ON word (id) WHERE named > 0 AND small = 0;
