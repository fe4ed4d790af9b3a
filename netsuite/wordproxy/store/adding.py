"""What one visit of a page adds to the words, as SQL.

Its forms wait in ``temp.incoming``; ``:page :site :lang :day`` say whose they are.  The statements run in
this order, in the batch's transaction, over sets: a page of a thousand words is eight of them.
"""

from __future__ import annotations

_NEW_WORDS = """
INSERT INTO word (key, lang, plain, first, last)
SELECT key, :lang, plain, :day, :day FROM temp.incoming GROUP BY key
ON CONFLICT (key, lang) DO NOTHING
"""

#: A row for each word of the visit: occurrences, and whether this page is one more for it, that day and ever.
_HITS = """
INSERT INTO temp.hit (word, main, other, pages, all_pages, new, all_new)
SELECT w.id, i.main, i.other,
    i.main > 0 AND NOT EXISTS (
        SELECT 1 FROM met m WHERE m.page = :page AND m.word = w.id AND m.day = :day AND m.main),
    NOT EXISTS (SELECT 1 FROM met m WHERE m.page = :page AND m.word = w.id AND m.day = :day),
    i.main > 0 AND NOT EXISTS (SELECT 1 FROM met m WHERE m.page = :page AND m.word = w.id AND m.main),
    NOT EXISTS (SELECT 1 FROM met m WHERE m.page = :page AND m.word = w.id)
FROM (SELECT key, sum(main) AS main, sum(other) AS other FROM temp.incoming GROUP BY key) i
JOIN word w ON w.key = i.key AND w.lang = :lang
"""

_MET = """
INSERT INTO met (page, word, day, main)
SELECT :page, word, :day, main > 0 FROM temp.hit WHERE true
ON CONFLICT (page, word, day) DO UPDATE SET main = max(main, excluded.main)
"""

_FORMS = """
INSERT INTO form (word, form, n)
SELECT w.id, i.form, sum(i.main + i.other)
FROM temp.incoming i JOIN word w ON w.key = i.key AND w.lang = :lang GROUP BY w.id, i.form
ON CONFLICT (word, form) DO UPDATE SET n = n + excluded.n
"""

_TALLIES = """
INSERT INTO tally (site, day, word, main, other, pages, all_pages, new, all_new)
SELECT :site, :day, word, main, other, pages, all_pages, new, all_new FROM temp.hit WHERE true
ON CONFLICT (site, day, word) DO UPDATE SET
    main = main + excluded.main, other = other + excluded.other,
    pages = pages + excluded.pages, all_pages = all_pages + excluded.all_pages,
    new = new + excluded.new, all_new = all_new + excluded.all_new
"""

_SUMS = """
UPDATE word SET
    main = word.main + h.main, other = word.other + h.other,
    pages = word.pages + h.new, all_pages = word.all_pages + h.all_new,
    first = min(first, :day), last = max(last, :day)
FROM temp.hit h WHERE h.word = word.id
"""

STATEMENTS = (
    _NEW_WORDS,
    _HITS,
    _MET,
    _FORMS,
    _TALLIES,
    _SUMS,
    "DELETE FROM temp.hit",
    "DELETE FROM temp.incoming",
)
