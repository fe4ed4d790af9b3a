/* Plain text to words and their numbers, in one pass: the short way of `lexicon.py` and `text.py`.
 *
 * It decides nothing that Python does not: which code points are letters, digits or white space, and which
 * tags are blocks, is told by tables that Python makes.  What is not plain (scripts without spaces, marks,
 * what UAX #29 has more rules for than the five below) is handed back piece by piece, and the tests hold
 * all that is done here equal to the long way, byte for byte.
 *
 * Bounds: time and memory are linear in the text.  Nothing here calls Python but `count`, for the pieces
 * that it hands back; no counter outlives a call, whatever ends it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Code points of pieces that are handed back at a time, as a page may have millions of them. */
#define STRETCH (256 * 1024)

/* No text is longer: occurrences and numbers have 32 bits. */
#define TEXT_MAX ((Py_ssize_t)INT32_MAX)

/* One source for the three widths that Python's strings have: `kind` is a constant wherever it is called. */
#define ALWAYS static inline __attribute__((always_inline))
#define BY_KIND(kind, call) ((kind) == 1 ? call(1) : (kind) == 2 ? call(2) : call(4))

ALWAYS Py_UCS4 at(int kind, const void *data, Py_ssize_t place) {
    return kind == PyUnicode_1BYTE_KIND   ? ((const Py_UCS1 *)data)[place]
           : kind == PyUnicode_2BYTE_KIND ? ((const Py_UCS2 *)data)[place]
                                          : ((const Py_UCS4 *)data)[place];
}

/* -- a lexicon ---------------------------------------------------------------------------------- */

/* What a code point is to the rules of UAX #29, as `lexicon.KINDS` tells; past its end all are HARD. */
enum { HARD, SPACE, LETTER, DIGIT, JOINER, APART, MID, MID_LETTER, MID_DIGIT, KINDS };

typedef struct {
    uint32_t hash;
    uint32_t number; /* of a form, plus one; 0: nobody is here */
} Slot;

typedef struct { uint32_t main, other; } Times;

/* A word that is to be looked up: see `look_up`. */
typedef struct { uint64_t hash; Py_ssize_t start, length; } Found;

#define AHEAD 16

typedef struct {
    PyObject_HEAD
    PyObject *kinds;    /* bytes: by code point, what it is */
    Py_ssize_t longest; /* code points of a form */
    uint64_t secret[2]; /* nobody can choose words that share a slot */
    PyObject **forms;   /* by number */
    Times *times;       /* the same; all 0 between calls */
    uint32_t *touched;  /* numbers whose times aren't 0 */
    Slot *slots;
    uint32_t size, room; /* forms, and how many may come until all of these grow; slots are twice the room */
    uint32_t n_touched, n_found;
    Found found[AHEAD];
    int is_counting;
} Lexicon;

ALWAYS uint64_t mixed(const Lexicon *self, uint64_t hash, Py_UCS4 sign) {
    unsigned __int128 product = (unsigned __int128)(hash ^ sign ^ self->secret[0]) * self->secret[1];
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

ALWAYS uint32_t low_of(uint64_t hash) { return (uint32_t)(hash ^ hash >> 32); }

static int grow(Lexicon *self) {
    if (self->room > UINT32_MAX / 8) {
        PyErr_NoMemory();
        return -1;
    }
    uint32_t room = self->room ? self->room * 2 : 4096;
    PyObject **forms = PyMem_Realloc(self->forms, room * sizeof *forms);
    if (forms) self->forms = forms; /* each is whole by itself, if the next fails */
    Times *times = forms ? PyMem_Realloc(self->times, room * sizeof *times) : NULL;
    if (times) self->times = times;
    uint32_t *touched = times ? PyMem_Realloc(self->touched, room * sizeof *touched) : NULL;
    if (touched) self->touched = touched;
    Slot *slots = touched ? PyMem_Calloc((size_t)room * 2, sizeof *slots) : NULL;
    if (!slots) {
        PyErr_NoMemory();
        return -1;
    }
    memset(times + self->room, 0, (room - self->room) * sizeof *times);
    uint32_t mask = room * 2 - 1;
    for (uint32_t old = 0; old < self->room * 2; old++) {
        if (self->slots[old].number) {
            uint32_t slot = self->slots[old].hash & mask;
            while (slots[slot].number) slot = (slot + 1) & mask;
            slots[slot] = self->slots[old];
        }
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->room = room;
    return 0;
}

ALWAYS int is_form(PyObject *form, int kind, const void *data, Py_ssize_t start, Py_ssize_t length) {
    if (PyUnicode_GET_LENGTH(form) != length) return 0;
    int own = PyUnicode_KIND(form);
    const void *signs = PyUnicode_DATA(form);
    if (own == kind) return !memcmp(signs, (const char *)data + start * kind, (size_t)(length * kind));
    for (Py_ssize_t place = 0; place < length; place++)
        if (at(own, signs, place) != at(kind, data, start + place)) return 0;
    return 1;
}

/* The number of the form that stands there, given now if it has none; -1: no memory. */
ALWAYS int64_t number_of(
    Lexicon *self, PyObject *text, int kind, const void *data, Py_ssize_t start, Py_ssize_t length, uint64_t hash
) {
    uint32_t low = low_of(hash);
    if (self->size == self->room && grow(self) < 0) return -1;
    uint32_t mask = self->room * 2 - 1, slot = low & mask;
    for (; self->slots[slot].number; slot = (slot + 1) & mask) {
        uint32_t number = self->slots[slot].number - 1;
        if (self->slots[slot].hash == low && is_form(self->forms[number], kind, data, start, length)) return number;
    }
    PyObject *form = PyUnicode_Substring(text, start, start + length);
    if (!form) return -1;
    self->forms[self->size++] = form;
    self->slots[slot] = (Slot){low, self->size};
    return self->size - 1;
}

ALWAYS void add(Lexicon *self, uint32_t number, int in_other, uint32_t times) {
    Times *sums = &self->times[number];
    if (!sums->main && !sums->other) self->touched[self->n_touched++] = number;
    *(in_other ? &sums->other : &sums->main) += times;
}

/* The words that were found are counted.  A lexicon is larger than the processor's caches, and to fetch one word
 * from memory takes longer than all else that is done for it; so several are sent for before the first is used. */
ALWAYS int look_up(Lexicon *self, PyObject *text, int kind, const void *data, int in_other) {
    uint32_t mask = self->room * 2 - 1;
    for (uint32_t each = 0; each < self->n_found; each++) {
        uint32_t number = self->slots[low_of(self->found[each].hash) & mask].number;
        if (number) {
            __builtin_prefetch(self->forms[number - 1]);
            __builtin_prefetch(&self->times[number - 1], 1);
        }
    }
    for (uint32_t each = 0; each < self->n_found; each++) {
        Found *word = &self->found[each];
        int64_t number = number_of(self, text, kind, data, word->start, word->length, word->hash);
        if (number < 0) return -1;
        add(self, (uint32_t)number, in_other, 1);
    }
    self->n_found = 0;
    return 0;
}

ALWAYS int count_word(
    Lexicon *self, PyObject *text, int kind, const void *data, Py_ssize_t start, Py_ssize_t end, uint64_t hash,
    int in_other
) {
    __builtin_prefetch(&self->slots[low_of(hash) & (self->room * 2 - 1)]);
    self->found[self->n_found++] = (Found){hash, start, end - start};
    return self->n_found < AHEAD ? 0 : look_up(self, text, kind, data, in_other);
}

ALWAYS int kind_at(const Lexicon *self, int kind, const void *data, Py_ssize_t place) {
    Py_UCS4 sign = at(kind, data, place);
    return sign < (size_t)PyBytes_GET_SIZE(self->kinds) ? PyBytes_AS_STRING(self->kinds)[sign] : HARD;
}

/* The words of a piece that has nothing hard: UAX #29's WB5 to WB13b, in so far as it has what they are of. */
ALWAYS int cut(
    Lexicon *self, PyObject *text, int kind, const void *data, Py_ssize_t start, Py_ssize_t end, int in_other
) {
    while (start < end) {
        int before = kind_at(self, kind, data, start);
        if (before < LETTER || before > JOINER) {
            start++;
            continue;
        }
        Py_ssize_t place = start + 1;
        uint64_t hash = mixed(self, 0, at(kind, data, start));
        int has_letter = before == LETTER;
        while (place < end) {
            int here = kind_at(self, kind, data, place);
            if (here >= MID) {
                int after = place + 1 < end ? kind_at(self, kind, data, place + 1) : SPACE;
                int joins = after == before && ((before == LETTER && here != MID_DIGIT) /* WB6, WB7 */
                                                || (before == DIGIT && here != MID_LETTER)); /* WB11, WB12 */
                if (!joins) break;
            } else if (here < LETTER || here > JOINER) {
                break;
            } else {
                before = here; /* WB5, WB8 to WB10, WB13a, WB13b: these three all join */
                has_letter |= here == LETTER;
            }
            hash = mixed(self, hash, at(kind, data, place++));
        }
        if (has_letter && count_word(self, text, kind, data, start, place, hash, in_other) < 0) return -1;
        start = place;
    }
    return 0;
}

ALWAYS uint64_t hashed(const Lexicon *self, int kind, const void *data, Py_ssize_t length) {
    uint64_t hash = 0;
    for (Py_ssize_t place = 0; place < length; place++) hash = mixed(self, hash, at(kind, data, place));
    return hash;
}

static int64_t number_of_form(Lexicon *self, PyObject *form) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(form);
    const void *data = PyUnicode_DATA(form);
#define NUMBER(kind) number_of(self, form, kind, data, 0, length, hashed(self, kind, data, length))
    return BY_KIND(PyUnicode_KIND(form), NUMBER);
}

/* The words of the pieces that are handed back are counted, and the list is empty. */
static int count_hard(Lexicon *self, PyObject *hard, PyObject *words_of, int in_other) {
    if (!PyList_GET_SIZE(hard)) return 0;
    PyObject *line_feed = PyUnicode_FromOrdinal('\n');
    PyObject *text = line_feed ? PyUnicode_Join(line_feed, hard) : NULL;
    PyObject *words = text ? PyObject_CallOneArg(words_of, text) : NULL;
    Py_XDECREF(line_feed);
    Py_XDECREF(text);
    int done = -1;
    if (words && !PyDict_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "words with their occurrences are a dict");
    } else if (words) {
        PyObject *form, *times;
        Py_ssize_t place = 0;
        done = 0;
        while (!done && PyDict_Next(words, &place, &form, &times)) {
            unsigned long number = PyLong_AsUnsignedLong(times);
            if (number == (unsigned long)-1 && PyErr_Occurred()) {
                done = -1;
            } else if (!PyUnicode_Check(form) || number > UINT32_MAX) {
                PyErr_SetString(PyExc_TypeError, "a word is text, and its occurrences have 32 bits");
                done = -1;
            } else if (number) {
                int64_t which = number_of_form(self, form);
                if (which < 0) done = -1;
                else add(self, (uint32_t)which, in_other, (uint32_t)number);
            }
        }
    }
    Py_XDECREF(words);
    return done < 0 ? -1 : PyList_SetSlice(hard, 0, PyList_GET_SIZE(hard), NULL);
}

ALWAYS int count_text(
    Lexicon *self, PyObject *text, int kind, PyObject *hard, PyObject *words_of, int in_other
) {
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text), place = 0, held = 0;
    while (place < length) {
        int here = kind_at(self, kind, data, place);
        if (here == SPACE) {
            place++;
            continue;
        }
        Py_ssize_t start = place;
        uint64_t hash = 0;
        for (; here == LETTER; here = place < length ? kind_at(self, kind, data, place) : SPACE)
            hash = mixed(self, hash, at(kind, data, place++));
        int is_word = here == SPACE, is_hard = 0;
        for (; here != SPACE; here = ++place < length ? kind_at(self, kind, data, place) : SPACE)
            is_hard |= here == HARD;
        if (is_hard || place - start > self->longest) {
            PyObject *piece = PyUnicode_Substring(text, start, place);
            if (!piece || PyList_Append(hard, piece) < 0) {
                Py_XDECREF(piece);
                return -1;
            }
            Py_DECREF(piece);
            held += place - start;
            if (held > STRETCH && count_hard(self, hard, words_of, in_other) < 0) return -1;
            held = PyList_GET_SIZE(hard) ? held : 0;
        } else if (is_word) {
            if (count_word(self, text, kind, data, start, place, hash, in_other) < 0) return -1;
        } else if (cut(self, text, kind, data, start, place, in_other) < 0) {
            return -1;
        }
    }
    if (look_up(self, text, kind, data, in_other) < 0) return -1;
    return count_hard(self, hard, words_of, in_other);
}

static int count_one(Lexicon *self, PyObject *text, PyObject *hard, PyObject *words_of, int in_other) {
#define COUNT(kind) count_text(self, text, kind, hard, words_of, in_other)
    return BY_KIND(PyUnicode_KIND(text), COUNT);
}

/* Numbers, occurrences in main text and in the rest, in columns of 32 bits; and how many words that are. */
static PyObject *columns(const Lexicon *self) {
    Py_ssize_t bytes = (Py_ssize_t)self->n_touched * 4;
    PyObject *parts[3];
    for (int each = 0; each < 3; each++) parts[each] = PyBytes_FromStringAndSize(NULL, bytes);
    PyObject *found = NULL;
    if (parts[0] && parts[1] && parts[2]) {
        unsigned long long words = 0;
        for (uint32_t place = 0; place < self->n_touched; place++) {
            uint32_t number = self->touched[place];
            Times times = self->times[number];
            memcpy(PyBytes_AS_STRING(parts[0]) + place * 4, &number, 4);
            memcpy(PyBytes_AS_STRING(parts[1]) + place * 4, &times.main, 4);
            memcpy(PyBytes_AS_STRING(parts[2]) + place * 4, &times.other, 4);
            words += (unsigned long long)times.main + times.other;
        }
        found = Py_BuildValue("OOOK", parts[0], parts[1], parts[2], words);
    }
    for (int each = 0; each < 3; each++) Py_XDECREF(parts[each]);
    return found;
}

static PyObject *lexicon_count(Lexicon *self, PyObject *arguments) {
    PyObject *main_text, *other, *words_of, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "UUO:count", &main_text, &other, &words_of)) return NULL;
    if (PyUnicode_GET_LENGTH(main_text) > TEXT_MAX - PyUnicode_GET_LENGTH(other))
        return PyErr_Format(PyExc_OverflowError, "a text of more than 31 bits");
    if (self->is_counting) return PyErr_Format(PyExc_RuntimeError, "it is counting already");
    PyObject *hard = PyList_New(0);
    if (!hard) return NULL;
    self->is_counting = 1;
    if (!count_one(self, main_text, hard, words_of, 0) && !count_one(self, other, hard, words_of, 1))
        found = columns(self);
    for (uint32_t place = 0; place < self->n_touched; place++) self->times[self->touched[place]] = (Times){0, 0};
    self->n_touched = self->n_found = 0;
    self->is_counting = 0;
    Py_DECREF(hard);
    return found;
}

static PyObject *lexicon_number(Lexicon *self, PyObject *form) {
    if (!PyUnicode_Check(form)) return PyErr_Format(PyExc_TypeError, "a form is text");
    int64_t number = number_of_form(self, form);
    return number < 0 ? NULL : PyLong_FromLongLong(number);
}

static PyObject *lexicon_forms(Lexicon *self, PyObject *numbers) {
    Py_buffer view;
    if (PyObject_GetBuffer(numbers, &view, PyBUF_SIMPLE) < 0) return NULL;
    Py_ssize_t size = view.len / 4;
    PyObject *found = PyList_New(size);
    for (Py_ssize_t place = 0; found && place < size; place++) {
        uint32_t number;
        memcpy(&number, (const char *)view.buf + place * 4, 4);
        if (number >= self->size) {
            PyErr_SetString(PyExc_IndexError, "no form has this number");
            Py_CLEAR(found);
        } else {
            PyList_SET_ITEM(found, place, Py_NewRef(self->forms[number]));
        }
    }
    PyBuffer_Release(&view);
    return found;
}

static PyObject *lexicon_since(Lexicon *self, PyObject *from) {
    Py_ssize_t start = PyNumber_AsSsize_t(from, PyExc_IndexError);
    if (start < 0 || start > self->size)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_IndexError, "no form has this number");
    PyObject *found = PyList_New(self->size - start);
    for (Py_ssize_t place = 0; found && start + place < self->size; place++)
        PyList_SET_ITEM(found, place, Py_NewRef(self->forms[start + place]));
    return found;
}

static Py_ssize_t lexicon_len(Lexicon *self) { return self->size; }

static PyObject *lexicon_new(PyTypeObject *type, PyObject *arguments, PyObject *named) {
    PyObject *kinds;
    Py_ssize_t longest;
    const char *secret;
    Py_ssize_t secret_size;
    if (named && PyDict_GET_SIZE(named)) return PyErr_Format(PyExc_TypeError, "nothing is told by name");
    if (!PyArg_ParseTuple(arguments, "Sny#:Lexicon", &kinds, &longest, &secret, &secret_size)) return NULL;
    for (Py_ssize_t place = 0; place < PyBytes_GET_SIZE(kinds); place++)
        if ((unsigned char)PyBytes_AS_STRING(kinds)[place] >= KINDS)
            return PyErr_Format(PyExc_ValueError, "a kind that is none");
    if (secret_size != 16) return PyErr_Format(PyExc_ValueError, "a secret has 16 bytes");
    Lexicon *self = (Lexicon *)type->tp_alloc(type, 0); /* all zeros */
    if (!self) return NULL;
    self->kinds = Py_NewRef(kinds);
    self->longest = longest;
    memcpy(self->secret, secret, 16);
    self->secret[1] |= 1;
    if (grow(self) < 0) Py_CLEAR(self);
    return (PyObject *)self;
}

static void lexicon_dealloc(Lexicon *self) {
    PyTypeObject *type = Py_TYPE(self);
    for (uint32_t number = 0; number < self->size; number++) Py_DECREF(self->forms[number]);
    PyMem_Free(self->forms);
    PyMem_Free(self->times);
    PyMem_Free(self->touched);
    PyMem_Free(self->slots);
    Py_XDECREF(self->kinds);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef lexicon_methods[] = {
    {"count", (PyCFunction)lexicon_count, METH_VARARGS, "The words of two texts: see `lexicon.Lexicon`."},
    {"number", (PyCFunction)lexicon_number, METH_O, "The number of a form, given now if it has none."},
    {"forms", (PyCFunction)lexicon_forms, METH_O, "The forms with these numbers, a column of 32 bits."},
    {"since", (PyCFunction)lexicon_since, METH_O, "The forms from that number on."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lexicon_slots[] = {
    {Py_tp_new, lexicon_new},         {Py_tp_dealloc, lexicon_dealloc},
    {Py_tp_methods, lexicon_methods}, {Py_sq_length, lexicon_len},
    {Py_tp_doc, "Forms with their numbers, and how often each is in a text."}, {0, NULL},
};

static PyType_Spec lexicon_spec = {
    "netsuite.words._plain.Lexicon", sizeof(Lexicon), 0, Py_TPFLAGS_DEFAULT, lexicon_slots,
};

/* -- markup to text ----------------------------------------------------------------------------- */

/* What a tag does, as `text.TAGS` tells: a sum of these. */
enum { BLOCK = 1, ASIDE = 2, EMPTY = 4, RAW = 8, FEED = 16 };

/* A tag's name in 16 bytes; longer ones, and those with other signs, are none of ours. */
typedef struct {
    uint64_t name[2];
    int does;
} Tag;

#define TAGS 512 /* slots; three times as many as there are names */

typedef struct {
    Tag tags[TAGS];
    size_t number;
} Tags;

ALWAYS size_t place_of(const uint64_t *name) {
    return (size_t)(((name[0] ^ name[1] * 31) * 0x9E3779B97F4A7C15u) >> 55);
}

ALWAYS int does(const Tags *tags, const uint64_t *name) {
    for (size_t place = place_of(name); tags->tags[place].name[0]; place = (place + 1) % TAGS)
        if (tags->tags[place].name[0] == name[0] && tags->tags[place].name[1] == name[1])
            return tags->tags[place].does;
    return 0;
}

/* Is it that, from the place on? */
ALWAYS int says(int kind, const void *data, Py_ssize_t length, Py_ssize_t place, const char *what, int size) {
    if (length - place < size) return 0;
    for (int each = 0; each < size; each++)
        if (at(kind, data, place + each) != (unsigned char)what[each]) return 0;
    return 1;
}

ALWAYS void put(int kind, void *out, Py_ssize_t *size, Py_UCS4 sign) {
    PyUnicode_WRITE(kind, out, *size, sign);
    ++*size;
}

/* Read serialised markup (WHATWG HTML §13.3) whose tags are all in order, as it comes from a tree.  Text goes
 * to out[0] or, within what is an aside, to out[1].  0: there is something that this can't tell. */
ALWAYS int read_markup(int kind, const void *data, Py_ssize_t length, const Tags *tags, void **out, Py_ssize_t *sizes) {
    Py_ssize_t place = 0, asides = 0;
    while (place < length) {
        Py_UCS4 sign = at(kind, data, place);
        int into = asides > 0;
        if (sign == '&') {
            if (says(kind, data, length, place, "&amp;", 5)) place += 5;
            else if (says(kind, data, length, place, "&lt;", 4)) place += 4, sign = '<';
            else if (says(kind, data, length, place, "&gt;", 4)) place += 4, sign = '>';
            else if (says(kind, data, length, place, "&nbsp;", 6)) place += 6, sign = 0xA0;
            else return 0;
            put(kind, out[into], &sizes[into], sign);
            continue;
        }
        if (sign != '<') {
            put(kind, out[into], &sizes[into], sign);
            place++;
            continue;
        }
        if (says(kind, data, length, place, "<!--", 4)) {
            for (place += 4; !says(kind, data, length, place, "-->", 3); place++)
                if (place >= length) return 0;
            place += 3;
            continue;
        }
        int ends = says(kind, data, length, place, "</", 2);
        uint64_t name[2] = {0, 0};
        Py_ssize_t size = 0;
        for (place += 1 + ends; place < length && (sign = at(kind, data, place)) != ' ' && sign != '>'; place++, size++)
            if (size < 16) name[size / 8] |= (uint64_t)(sign < 128 ? sign : 1) << size % 8 * 8;
        if (!size || name[0] % 256 == '!' || name[0] % 256 == '?') return 0;
        while (place < length && at(kind, data, place) == ' ') {
            /* an attribute: its name may begin with "=" and have a quote in it, but no second "=" */
            for (place += 2; place < length && at(kind, data, place) != '='; place++) {}
            if (!says(kind, data, length, place, "=\"", 2)) return 0;
            for (place += 2; place < length && at(kind, data, place) != '"'; place++) {}
            place++;
        }
        if (place >= length || at(kind, data, place) != '>') return 0;
        place++;
        int done = size <= 16 ? does(tags, name) : 0;
        if (done & RAW || (ends && done & ASIDE && !asides)) return 0;
        if (done & BLOCK) put(kind, out[into], &sizes[into], '\v');
        if (done & EMPTY) put(kind, out[into], &sizes[into], '\v');
        else if (done & ASIDE) asides += ends ? -1 : 1;
        /* a line feed that a parser drops here was written for that */
        if (done & FEED && !ends && place < length && at(kind, data, place) == '\n') place++;
    }
    return 1;
}

static void tags_free(PyObject *capsule) { PyMem_Free(PyCapsule_GetPointer(capsule, "netsuite.tags")); }

static PyObject *plain_tags(PyObject *Py_UNUSED(module), PyObject *told) {
    if (!PyDict_Check(told)) return PyErr_Format(PyExc_TypeError, "tags are a dict");
    Tags *tags = PyMem_Calloc(1, sizeof *tags);
    if (!tags) return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(tags, "netsuite.tags", tags_free);
    if (!capsule) PyMem_Free(tags);
    PyObject *tag, *what;
    Py_ssize_t next = 0;
    while (capsule && PyDict_Next(told, &next, &tag, &what)) {
        Py_ssize_t size = 0;
        const char *text = PyUnicode_Check(tag) ? PyUnicode_AsUTF8AndSize(tag, &size) : NULL;
        if (!text || size < 1 || size > 16 || ++tags->number > TAGS / 2) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no tag's name, or too many");
            Py_CLEAR(capsule);
            break;
        }
        Tag entry = {{0, 0}, (int)PyLong_AsLong(what)};
        for (int each = 0; each < size; each++)
            entry.name[each / 8] |= (uint64_t)(unsigned char)text[each] << each % 8 * 8;
        size_t place = place_of(entry.name);
        while (tags->tags[place].name[0]) place = (place + 1) % TAGS;
        tags->tags[place] = entry;
        if (PyErr_Occurred()) Py_CLEAR(capsule);
    }
    return capsule;
}

static PyObject *plain_read(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *markup, *capsule;
    if (!PyArg_ParseTuple(arguments, "UO:read", &markup, &capsule)) return NULL;
    const Tags *tags = PyCapsule_GetPointer(capsule, "netsuite.tags");
    if (!tags) return NULL;
    Py_ssize_t length = PyUnicode_GET_LENGTH(markup), sizes[2] = {0, 0};
    int kind = PyUnicode_KIND(markup), is_read = 0;
    const void *data = PyUnicode_DATA(markup);
    /* no tag, and no reference, gives more signs than it has */
    void *out[2] = {PyMem_Malloc((size_t)(length + 1) * kind), PyMem_Malloc((size_t)(length + 1) * kind)};
    PyObject *found = NULL;
    if (!out[0] || !out[1]) {
        PyErr_NoMemory();
    } else {
#define READ(kind) read_markup(kind, data, length, tags, out, sizes)
        is_read = BY_KIND(kind, READ);
        if (is_read)
            found = Py_BuildValue(
                "NN", PyUnicode_FromKindAndData(kind, out[0], sizes[0]),
                PyUnicode_FromKindAndData(kind, out[1], sizes[1])
            );
        else
            found = Py_NewRef(Py_None);
    }
    PyMem_Free(out[0]);
    PyMem_Free(out[1]);
    return found;
}

/* -- a page's source to text, where it is in order ------------------------------------------------ */

/* What tree construction (WHATWG HTML §13.2.6) has for a tag, as `orderly.KINDS` tells. */
enum {
    ORDINARY, REFUSED, FORMAT, CONTAINER, HEADING, ITEM, TERM, PARAGRAPH, FORM, BUTTON, VOID, RULE, RAWTEXT, CHOICE, DRAWING,
    TABLE, CAPTION, GROUP, COLUMN, SECTION, ROW, CELL, LINK, META, INPUT, SCRIPT, NOSCRIPT, STYLE, TITLE,
    HTML, HEAD, BODY, TAG_KINDS
};

enum { DRAWN = 32 }; /* of a drawing, beside the others */

#define DEPTH 256   /* elements in one another; what is deeper is left to a tree */
#define TAG_MAX 16

typedef struct {
    uint64_t name[2];
    uint8_t kind, does, is_hidden, is_unread; /* of HTML's hidden; of ARIA's */
} Open;

/* A tag as it stands: its name in lower case, and what its attributes say. */
typedef struct {
    uint64_t name[2];
    Py_ssize_t end; /* after its ">" */
    uint8_t kind, does, ends, is_hidden, is_unread, is_closed, is_refused;
    Py_ssize_t lang[2], xml_lang[2]; /* where these values begin and end; -1: not there */
} Read_tag;

typedef struct {
    Py_ssize_t length;
    const void *data;
    const Tags *tags;
    PyObject *entities; /* by name without "&" and ";", as text */
    int wide; /* bytes a sign of what is put out has */
    void *out[2];
    Py_ssize_t sizes[2], room;
    Py_ssize_t title[2], lang[2]; /* where they begin and end; -1: there is none */
    int unseen, other, depth, has_form, paragraphs;
    Open open[DEPTH];
} Source;

ALWAYS int is_space(Py_UCS4 sign) { return sign == ' ' || sign == '\n' || sign == '\t' || sign == '\r' || sign == '\f'; }

ALWAYS int is_letter(Py_UCS4 sign) { return (sign | 32) >= 'a' && (sign | 32) <= 'z' && sign < 128; }

ALWAYS Py_UCS4 lower(Py_UCS4 sign) { return sign >= 'A' && sign <= 'Z' ? sign | 32 : sign; }

/* Is it that in lower case, from the place on? */
ALWAYS int says_lower(int kind, const Source *page, Py_ssize_t place, const char *what, int size) {
    if (page->length - place < size) return 0;
    for (int each = 0; each < size; each++)
        if (lower(at(kind, page->data, place + each)) != (unsigned char)what[each]) return 0;
    return 1;
}

ALWAYS void give(Source *page, Py_UCS4 sign) {
    if (page->unseen) return;
    int into = page->other > 0;
    put(page->wide, page->out[into], &page->sizes[into], sign);
}

/* Eight signs at once, of one or two bytes each. */
typedef Py_UCS2 Signs __attribute__((vector_size(16)));
typedef Py_UCS1 Narrow __attribute__((vector_size(8)));

ALWAYS Signs eight(int kind, const void *data, Py_ssize_t place) {
    Signs signs;
    Narrow narrow;
    if (kind == 2) {
        memcpy(&signs, (const Py_UCS2 *)data + place, sizeof signs);
        return signs;
    }
    memcpy(&narrow, (const Py_UCS1 *)data + place, sizeof narrow);
    return __builtin_convertvector(narrow, Signs);
}

ALWAYS int is_any(Signs found) {
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

/* Where a sign stands next, the length if nowhere. */
ALWAYS Py_ssize_t next(int kind, const Source *page, Py_ssize_t place, Py_UCS4 sign) {
    if (kind == 1) {
        const char *found = place < page->length
            ? memchr((const char *)page->data + place, (int)sign, (size_t)(page->length - place)) : NULL;
        return found ? found - (const char *)page->data : page->length;
    }
    while (kind == 2 && place + 8 <= page->length && !is_any((Signs)(eight(kind, page->data, place) == (Py_UCS2)sign))) place += 8;
    while (place < page->length && at(kind, page->data, place) != sign) place++;
    return place;
}

static const struct { const char *name; int size; } ASKED[] = {
    {"hidden", 6}, {"aria-hidden", 11}, {"lang", 4}, {"xml:lang", 8}, {"type", 4}, {"http-equiv", 10},
};

/* An attribute whose name and value stand there is taken notice of. */
ALWAYS void notice(
    int kind, const Source *page, Read_tag *tag, Py_ssize_t name, Py_ssize_t size, Py_ssize_t value, Py_ssize_t end
) {
    int which = 0;
    for (; which < 6; which++)
        if (ASKED[which].size == size && says_lower(kind, page, name, ASKED[which].name, ASKED[which].size)) break;
    if (which == 6) return;
    for (Py_ssize_t place = value; place < end; place++) { /* what is written another way is left to a parser */
        Py_UCS4 sign = at(kind, page->data, place);
        if (sign == '&' || sign == 0 || sign == '\r') tag->is_refused = 1;
    }
    if (which == 0) tag->is_hidden = 1;
    else if (which == 1) {
        if (!(tag->is_unread & 2)) tag->is_unread = 2 | (end - value == 4 && says_lower(kind, page, value, "true", 4));
    } else if (which == 2 && tag->lang[0] < 0) tag->lang[0] = value, tag->lang[1] = end;
    else if (which == 3 && tag->xml_lang[0] < 0) tag->xml_lang[0] = value, tag->xml_lang[1] = end;
    else if (which == 4 && tag->kind == INPUT) {
        for (Py_ssize_t place = value; place + 8 <= end; place++) /* also with white space around */
            if (says_lower(kind, page, place, "password", 8)) tag->is_refused = 1;
    } else if (which == 5 && tag->kind == META && end - value >= 16) {
        for (Py_ssize_t place = value; place + 16 <= end; place++)
            if (says_lower(kind, page, place, "content-language", 16)) tag->is_refused = 1;
    }
}

/* Read the tag whose "<" stands there (§13.2.5.6 to 40).  0: it is none that can be told. */
ALWAYS int read_tag(int kind, const Source *page, Py_ssize_t place, Read_tag *tag) {
    const void *data = page->data;
    Py_ssize_t length = page->length, size = 0;
    *tag = (Read_tag){.lang = {-1, -1}, .xml_lang = {-1, -1}};
    tag->ends = at(kind, data, ++place) == '/';
    place += tag->ends;
    Py_UCS4 sign = 0;
    for (; place < length && !is_space(sign = at(kind, data, place)) && sign != '>' && sign != '/'; place++, size++) {
        if (sign >= 128 || !sign || size == TAG_MAX) return 0;
        tag->name[size / 8] |= (uint64_t)lower(sign) << size % 8 * 8;
    }
    int told = does(page->tags, tag->name);
    tag->kind = (uint8_t)(told >> 8);
    tag->does = (uint8_t)told;
    while (place < length) {
        sign = at(kind, data, place);
        if (sign == '>') {
            tag->end = place + 1;
            return !tag->is_refused;
        }
        if (is_space(sign) || sign == '/') {
            tag->is_closed = sign == '/' && place + 1 < length && at(kind, data, place + 1) == '>';
            place++;
            continue;
        }
        Py_ssize_t name = place++; /* it may begin with "=" */
        while (place < length && !is_space(sign = at(kind, data, place)) && sign != '>' && sign != '/' && sign != '=') place++;
        Py_ssize_t name_size = place - name, value, end;
        while (place < length && is_space(at(kind, data, place))) place++;
        value = end = place;
        if (place < length && at(kind, data, place) == '=') {
            for (place++; place < length && is_space(at(kind, data, place));) place++;
            if (place >= length) return 0;
            sign = at(kind, data, place);
            if (sign == '"' || sign == '\'') {
                value = place + 1;
                end = next(kind, page, value, sign);
                place = end + 1;
            } else {
                value = place;
                while (place < length && !is_space(sign = at(kind, data, place)) && sign != '>') place++;
                end = place;
            }
        }
        notice(kind, page, tag, name, name_size, value, end);
    }
    return 0;
}

ALWAYS int top(const Source *page) { return page->open[page->depth - 1].kind; }

/* An element is open, and marked where it ends a word. */
static int push(Source *page, const Read_tag *tag) {
    if (page->depth == DEPTH) return 0;
    Open *element = &page->open[page->depth++];
    *element = (Open){{tag->name[0], tag->name[1]}, tag->kind, tag->does, tag->is_hidden, tag->is_unread & 1};
    page->unseen += element->is_hidden;
    if (element->does & BLOCK) give(page, '\v');
    page->unseen += element->is_unread;
    page->other += (element->does & ASIDE) != 0;
    page->paragraphs += element->kind == PARAGRAPH;
    return 1;
}

static int push_implied(Source *page, int which) {
    static const uint64_t names[] = {0x79646f6274, 0x7274, 0x70756f72676c6f63}; /* tbody, tr, colgroup */
    Read_tag tag = {.kind = (uint8_t)which, .does = BLOCK};
    tag.name[0] = names[which == SECTION ? 0 : which == ROW ? 1 : 2];
    return push(page, &tag);
}

static void pop(Source *page) {
    Open *element = &page->open[--page->depth];
    page->unseen -= element->is_unread;
    if (element->does & BLOCK) give(page, '\v');
    page->unseen -= element->is_hidden;
    page->other -= (element->does & ASIDE) != 0;
    page->paragraphs -= element->kind == PARAGRAPH;
}

ALWAYS int is_implied(int kind) { return kind == ITEM || kind == TERM || kind == PARAGRAPH; }

ALWAYS int is_named(const Open *element, const uint64_t *name) {
    return element->name[0] == name[0] && element->name[1] == name[1];
}

/* Generate implied end tags (§13.2.6.3), then end that element.  0: it is not the one that is open then. */
static int end_implied(Source *page, const Read_tag *tag) {
    while (is_implied(top(page)) && !is_named(&page->open[page->depth - 1], tag->name)) pop(page);
    if (!is_named(&page->open[page->depth - 1], tag->name)) return 0;
    pop(page);
    return 1;
}

/* A paragraph in button scope is ended.  0: something in it is still open. */
static int end_paragraph(Source *page) {
    if (!page->paragraphs) return 1;
    if (top(page) == PARAGRAPH) {
        pop(page);
        return 1;
    }
    for (int place = page->depth - 1; place >= 0; place--) {
        int kind = page->open[place].kind;
        if (kind == PARAGRAPH) return 0;
        if (kind == BUTTON || kind == TABLE || kind == CELL || kind == CAPTION) return 1;
    }
    return 1;
}

/* An item of a list, or of a list of terms, ends the one before it (§13.2.6.4.7, "li", "dd"). */
static int end_item(Source *page, int which) {
    for (int place = page->depth - 1; place >= 0; place--) {
        int kind = page->open[place].kind;
        if (kind == which) {
            for (int above = place + 1; above < page->depth; above++)
                if (!is_implied(page->open[above].kind)) return 0;
            while (page->depth > place) pop(page);
            return 1;
        }
        /* address and div are passed by, and what is not special; to tell them all apart is not worth it */
        if (kind != PARAGRAPH && kind != ORDINARY && kind != FORMAT && kind != LINK && kind != CONTAINER)
            return 1;
        if (kind == CONTAINER) {
            const uint64_t *name = page->open[place].name;
            int passes = (name[0] == 0x766964 && !name[1]) || (name[0] == 0x73736572646461 && !name[1]);
            if (!passes) return 1;
        }
    }
    return 1;
}

/* In a table a cell that is open is ended, where a part of the table begins or ends. */
static int end_cell(Source *page) {
    int place = page->depth;
    while (place && is_implied(page->open[place - 1].kind)) place--;
    if (place && page->open[place - 1].kind == CELL)
        while (page->depth >= place) pop(page);
    return place == page->depth || page->depth == place - 1;
}

/* A part of a table begins (§13.2.6.4.9 to 15).  0: not where it may. */
static int start_part(Source *page, const Read_tag *tag) {
    if (!end_cell(page)) return 0;
    if (tag->kind != COLUMN && top(page) == GROUP) pop(page);
    if (tag->kind == CELL) {
        if (top(page) == TABLE && !push_implied(page, SECTION)) return 0;
        if (top(page) == SECTION && !push_implied(page, ROW)) return 0;
        return top(page) == ROW && push(page, tag);
    }
    if (top(page) == ROW) pop(page);
    if (tag->kind == ROW) {
        if (top(page) == TABLE && !push_implied(page, SECTION)) return 0;
        return top(page) == SECTION && push(page, tag);
    }
    if (top(page) == SECTION) pop(page);
    if (tag->kind == COLUMN) {
        if (top(page) == TABLE && !push_implied(page, GROUP)) return 0;
        if (top(page) != GROUP) return 0;
        if (!tag->is_hidden) give(page, '\v'), give(page, '\v');
        return 1;
    }
    return top(page) == TABLE && push(page, tag);
}

/* A part of a table, or it all, ends. */
static int end_part(Source *page, const Read_tag *tag) {
    if (tag->kind == CELL || tag->kind == CAPTION) return end_implied(page, tag);
    if (!end_cell(page)) return 0;
    if (top(page) == GROUP && tag->kind == TABLE) pop(page);
    if (top(page) == ROW && tag->kind != ROW) pop(page);
    if (top(page) == SECTION && tag->kind == TABLE) pop(page);
    if (top(page) != tag->kind || (tag->kind == SECTION && !is_named(&page->open[page->depth - 1], tag->name))) return 0;
    pop(page);
    return 1;
}

static int is_open(const Source *page, int kind) {
    for (int place = page->depth - 1; place >= 0; place--)
        if (page->open[place].kind == kind) return 1;
    return 0;
}

ALWAYS int is_in_table(int kind) { return kind == TABLE || kind == SECTION || kind == ROW || kind == GROUP; }

/* Where raw text ends: at the "<" of the end tag of that name (§13.2.5.14). */
ALWAYS Py_ssize_t raw_end(int kind, const Source *page, Py_ssize_t place, const Read_tag *tag, int is_script) {
    for (;; place++) {
        place = next(kind, page, place, '<');
        if (place + 3 >= page->length) return -1;
        Py_UCS4 sign = at(kind, page->data, place + 1);
        if (sign == '!' && is_script && says(kind, page->data, page->length, place, "<!--", 4)) return -1;
        if (sign != '/') continue;
        Py_ssize_t size = 0, end = place + 2;
        uint64_t name[2] = {0, 0};
        for (; end < page->length && is_letter(sign = at(kind, page->data, end)) && size < TAG_MAX; end++, size++)
            name[size / 8] |= (uint64_t)lower(sign) << size % 8 * 8;
        if (end < page->length && name[0] == tag->name[0] && name[1] == tag->name[1] && (is_space(sign) || sign == '>' || sign == '/'))
            return place;
    }
}

/* Past what is in raw text, and past its end tag; -1: it can't be told. */
ALWAYS Py_ssize_t past_raw(int kind, Source *page, const Read_tag *tag) {
    Py_ssize_t end = raw_end(kind, page, tag->end, tag, tag->kind == SCRIPT);
    if (end < 0) return -1;
    if (tag->kind == NOSCRIPT) /* a reader without scripts may be asked for a password there */
        for (Py_ssize_t place = tag->end; place < end; place++)
            if (says_lower(kind, page, place, "password", 8)) return -1;
    if (tag->kind == TITLE && page->title[0] < 0) page->title[0] = tag->end, page->title[1] = end;
    Read_tag closing;
    return read_tag(kind, page, end, &closing) ? closing.end : -1;
}

/* Past a comment that ends as comments do (§13.2.5.43). */
ALWAYS Py_ssize_t past_comment(int kind, const Source *page, Py_ssize_t place) {
    place += 4;
    if (says(kind, page->data, page->length, place, ">", 1) || says(kind, page->data, page->length, place, "->", 2)) return -1;
    for (;; place++) {
        place = next(kind, page, place, '-');
        if (place + 3 > page->length) return -1;
        if (says(kind, page->data, page->length, place, "-->", 3)) return place + 3;
        if (says(kind, page->data, page->length, place, "--!", 3)) return -1;
    }
}

/* Past a select that has options only. */
ALWAYS Py_ssize_t past_choice(int kind, const Source *page, const Read_tag *tag) {
    Py_ssize_t place = tag->end;
    for (;;) {
        place = next(kind, page, place, '<');
        if (place + 2 >= page->length) return -1;
        Read_tag inside;
        if (says(kind, page->data, page->length, place, "<!--", 4)) {
            if ((place = past_comment(kind, page, place)) < 0) return -1;
            continue;
        }
        Py_UCS4 sign = at(kind, page->data, place + 1);
        if (sign == '/') sign = at(kind, page->data, place + 2);
        if (!is_letter(sign) || !read_tag(kind, page, place, &inside)) return -1;
        place = inside.end;
        if (inside.ends && inside.kind == CHOICE) return place;
        if (!(inside.name[0] == 0x6e6f6974706f && !inside.name[1]) /* option */
            && !(inside.name[0] == 0x70756f726774706f && !inside.name[1])) /* optgroup */
            return -1;
    }
}

/* Past a drawing whose elements are all in order, and known. */
ALWAYS Py_ssize_t past_drawing(int kind, const Source *page, const Read_tag *tag) {
    uint64_t names[32][2];
    int depth = 0;
    Py_ssize_t place = tag->end;
    if (tag->is_closed) return place;
    for (;;) {
        place = next(kind, page, place, '<');
        if (place + 2 >= page->length) return -1;
        Read_tag inside;
        if (says(kind, page->data, page->length, place, "<!--", 4)) {
            if ((place = past_comment(kind, page, place)) < 0) return -1;
            continue;
        }
        Py_UCS4 sign = at(kind, page->data, place + 1);
        if (sign == '/') sign = at(kind, page->data, place + 2);
        if (!is_letter(sign) || !read_tag(kind, page, place, &inside)) return -1;
        place = inside.end;
        int is_text = depth && (names[depth - 1][0] == 0x656c746974 || names[depth - 1][0] == 0x63736564); /* title, desc */
        if (inside.ends) {
            if (!depth) return inside.kind == DRAWING ? place : -1;
            depth--;
            if (names[depth][0] != inside.name[0] || names[depth][1] != inside.name[1]) return -1;
        } else {
            if (is_text || depth == 32 || !(inside.does & DRAWN)) return -1;
            if (inside.is_closed) continue;
            names[depth][0] = inside.name[0];
            names[depth++][1] = inside.name[1];
        }
    }
}

/* A reference whose "&" stands there is put out as what it means; returns where it ends, -1: it can't be told. */
ALWAYS Py_ssize_t past_reference(int kind, Source *page, Py_ssize_t place, int is_blank) {
    Py_ssize_t from = place + 1, end = from;
    Py_UCS4 sign = from < page->length ? at(kind, page->data, from) : ' ';
    if (is_blank) return -1;
    if (is_space(sign) || sign == '<' || sign == '&') {
        give(page, '&');
        return from;
    }
    if (sign == '#') {
        uint32_t code = 0;
        int digits = 0, base = says_lower(kind, page, from + 1, "x", 1) ? 16 : 10;
        for (end = from + (base == 16 ? 2 : 1); end < page->length && digits < 8; end++, digits++) {
            sign = lower(at(kind, page->data, end));
            if (sign >= '0' && sign <= '9') code = code * (uint32_t)base + (sign - '0');
            else if (base == 16 && sign >= 'a' && sign <= 'f') code = code * 16 + (sign - 'a' + 10);
            else break;
        }
        if (!digits || digits == 8 || end >= page->length || at(kind, page->data, end) != ';') return -1;
        if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return -1;
        if (code > 0xffff && page->wide < 4) return -1;
        give(page, code);
        return end + 1;
    }
    while (end < page->length && end - from < 32 && (is_letter(sign = at(kind, page->data, end)) || (sign >= '0' && sign <= '9'))) end++;
    if (end == from || end >= page->length || at(kind, page->data, end) != ';') return -1;
    PyObject *name = PyUnicode_FromKindAndData(kind, (const char *)page->data + from * kind, end - from);
    PyObject *meant = name ? PyDict_GetItemWithError(page->entities, name) : NULL;
    Py_XDECREF(name);
    if (!meant || !PyUnicode_Check(meant) || (PyUnicode_KIND(meant) == 4 && page->wide < 4)) return -1;
    for (Py_ssize_t each = 0; each < PyUnicode_GET_LENGTH(meant); each++) give(page, PyUnicode_READ_CHAR(meant, each));
    return end + 1;
}

/* Text up to the next "<"; where ``is_blank`` it may be white space only.  Returns where it ends, -1: not to be told. */
ALWAYS Py_ssize_t past_text(int kind, Source *page, Py_ssize_t place, int is_blank) {
    const void *data = page->data;
    while (place < page->length) {
        Py_UCS4 sign = at(kind, data, place);
        if (sign == '<') return place;
        if (!sign || (is_blank && !is_space(sign))) return -1;
        if (sign == '&') {
            if ((place = past_reference(kind, page, place, is_blank)) < 0) return -1;
        } else if (sign == '\r') {
            give(page, '\n');
            place += 1 + says(kind, data, page->length, place + 1, "\n", 1);
        } else if (is_blank || page->unseen) {
            give(page, sign);
            place++;
        } else {
            int into = page->other > 0;
            Py_ssize_t size = page->sizes[into];
            void *out = page->out[into];
            for (Signs signs; kind < 4 && place + 8 <= page->length; place += 8, size += 8) {
                signs = eight(kind, data, place);
                memcpy((Py_UCS2 *)out + size, &signs, sizeof signs); /* past a stop it is overwritten */
                if (is_any((Signs)((signs == '<') | (signs == '&') | (signs == '\r') | (signs == 0)))) break;
            }
            sign = place < page->length ? at(kind, data, place) : '<';
            while (sign != '<' && sign != '&' && sign != '\r' && sign) {
                if (kind == 4) ((Py_UCS4 *)out)[size++] = sign;
                else ((Py_UCS2 *)out)[size++] = (Py_UCS2)sign;
                sign = ++place < page->length ? at(kind, data, place) : '<';
            }
            page->sizes[into] = size;
        }
    }
    return place;
}

/* A start tag in a body; returns where reading goes on, -1: that is left to a tree. */
ALWAYS Py_ssize_t start_in_body(int kind, Source *page, const Read_tag *tag) {
    int done = 1;
    switch (tag->kind) {
        case CAPTION: case GROUP: case COLUMN: case SECTION: case ROW: case CELL:
            return start_part(page, tag) ? tag->end : -1;
        case SCRIPT: case STYLE:
            return top(page) == GROUP ? -1 : past_raw(kind, page, tag);
        default:
            if (is_in_table(top(page))) return -1;
    }
    switch (tag->kind) {
        case ORDINARY:
        case FORMAT:
            done = push(page, tag);
            break;
        case LINK:
            done = !is_open(page, LINK) && push(page, tag);
            break;
        case BUTTON:
            done = !is_open(page, BUTTON) && push(page, tag);
            break;
        case CONTAINER:
        case PARAGRAPH:
            done = end_paragraph(page) && push(page, tag);
            break;
        case HEADING:
            done = end_paragraph(page) && top(page) != HEADING && push(page, tag);
            break;
        case ITEM:
        case TERM:
            done = end_item(page, tag->kind) && end_paragraph(page) && push(page, tag);
            break;
        case FORM:
            done = !page->has_form && end_paragraph(page) && push(page, tag);
            page->has_form = 1;
            break;
        case RULE:
            done = end_paragraph(page);
            if (done && !tag->is_hidden) give(page, '\v'), give(page, '\v');
            break;
        case VOID: case META: case INPUT:
            if (tag->does & BLOCK && !tag->is_hidden) give(page, '\v'), give(page, '\v');
            break;
        case RAWTEXT: case NOSCRIPT:
            return past_raw(kind, page, tag);
        case CHOICE:
            return past_choice(kind, page, tag);
        case DRAWING:
            return past_drawing(kind, page, tag);
        case TABLE: {
            if (top(page) == PARAGRAPH) return -1; /* it depends on the doctype */
            done = end_paragraph(page) && push(page, tag);
            break;
        }
        default:
            return -1;
    }
    if (!done) return -1;
    Py_ssize_t place = tag->end;
    if (tag->does & FEED) {
        if (says(kind, page->data, page->length, place, "\r", 1)) place++;
        if (says(kind, page->data, page->length, place, "\n", 1)) place++;
    }
    return place;
}

/* An end tag in a body.  0: that is left to a tree. */
static int end_in_body(Source *page, const Read_tag *tag) {
    switch (tag->kind) {
        case ORDINARY: case FORMAT: case LINK: {
            if (!is_named(&page->open[page->depth - 1], tag->name)) return 0;
            pop(page);
            return 1;
        }
        case CONTAINER: case HEADING: case ITEM: case TERM: case BUTTON:
            return end_implied(page, tag);
        case PARAGRAPH:
            if (top(page) != PARAGRAPH) return 0;
            pop(page);
            return 1;
        case FORM:
            page->has_form = 0;
            return end_implied(page, tag);
        case TABLE: case CAPTION: case GROUP: case SECTION: case ROW: case CELL:
            return end_part(page, tag);
        default:
            return 0;
    }
}

/* Read a whole page.  0: there is something that only tree construction can tell. */
ALWAYS int read_source(int kind, Source *page) {
    enum { BEFORE, IN_HTML, IN_HEAD, PAST_HEAD, IN_BODY, PAST_BODY } phase = BEFORE;
    Py_ssize_t place = 0;
    Read_tag tag;
    while (place < page->length) {
        /* text and references give no more signs than they have; one tag may end all elements */
        if (page->sizes[0] + page->sizes[1] + page->length - place + 4 * DEPTH > page->room) return 0;
        if (at(kind, page->data, place) != '<') {
            int is_blank = phase != IN_BODY || is_in_table(top(page));
            if (phase < IN_BODY) page->unseen++;
            place = past_text(kind, page, place, is_blank);
            if (phase < IN_BODY) page->unseen--;
            if (place < 0) return 0;
            continue;
        }
        if (place + 2 >= page->length) return 0;
        Py_UCS4 sign = at(kind, page->data, place + 1);
        if (sign == '!' && says(kind, page->data, page->length, place, "<!--", 4)) {
            if ((place = past_comment(kind, page, place)) < 0) return 0;
            continue;
        }
        if (sign == '?' || (sign == '!' && phase == BEFORE && says_lower(kind, page, place, "<!doctype", 9))) {
            place = next(kind, page, place, '>') + 1;
            continue;
        }
        if (sign == '/' ? !is_letter(at(kind, page->data, place + 2)) : !is_letter(sign)) {
            if (phase != IN_BODY || sign == '/' || sign == '!' || is_in_table(top(page))) return 0;
            give(page, '<');
            place++;
            continue;
        }
        if (!read_tag(kind, page, place, &tag)) return 0;
        Py_ssize_t from = tag.end;
        switch (phase) {
            case BEFORE:
            case PAST_HEAD: {
                if (tag.ends || tag.kind != (phase == BEFORE ? HTML : BODY) || tag.is_hidden || tag.is_unread & 1) return 0;
                const Py_ssize_t *said = tag.lang[1] > tag.lang[0] ? tag.lang : tag.xml_lang;
                if (page->lang[0] < 0 && said[1] > said[0]) page->lang[0] = said[0], page->lang[1] = said[1];
                if (phase == PAST_HEAD && !push(page, &tag)) return 0;
                phase = phase == BEFORE ? IN_HTML : IN_BODY;
                break;
            }
            case IN_HTML:
                if (tag.ends || tag.kind != HEAD) return 0;
                phase = IN_HEAD;
                break;
            case IN_HEAD:
                if (tag.kind == HEAD && tag.ends) phase = PAST_HEAD;
                else if (tag.ends) return 0;
                else if (tag.kind == SCRIPT || tag.kind == STYLE || tag.kind == NOSCRIPT || tag.kind == TITLE) {
                    if ((from = past_raw(kind, page, &tag)) < 0) return 0;
                } else if (tag.kind != META) return 0;
                break;
            case IN_BODY:
                if (tag.kind == BODY && tag.ends) {
                    if (is_open(page, TABLE)) return 0; /* there it would be ignored */
                    phase = PAST_BODY;
                } else if (tag.ends) {
                    if (!end_in_body(page, &tag)) return 0;
                } else if ((from = start_in_body(kind, page, &tag)) < 0) return 0;
                break;
            case PAST_BODY:
                if (!tag.ends || tag.kind != HTML) return 0;
                break;
        }
        place = from;
    }
    if (phase < IN_BODY || place > page->length) return 0;
    while (page->depth) pop(page);
    return 1;
}

static PyObject *slice(PyObject *text, const Py_ssize_t *place) {
    return place[0] < 0 ? Py_NewRef(Py_None) : PyUnicode_Substring(text, place[0], place[1]);
}

static PyObject *plain_source(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *text, *capsule, *entities, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "UOO!:source", &text, &capsule, &PyDict_Type, &entities)) return NULL;
    const Tags *tags = PyCapsule_GetPointer(capsule, "netsuite.tags");
    if (!tags) return NULL;
    int kind = PyUnicode_KIND(text), is_read = 0;
    Source *page = PyMem_Calloc(1, sizeof *page);
    if (!page) return PyErr_NoMemory();
    page->length = PyUnicode_GET_LENGTH(text);
    page->data = PyUnicode_DATA(text);
    page->tags = tags;
    page->entities = entities;
    page->wide = kind == 1 ? 2 : kind; /* what a reference means may be wider than what is around it */
    page->title[0] = page->lang[0] = -1;
    page->room = page->length + page->length / 2 + 8 * DEPTH;
    for (int each = 0; each < 2; each++) page->out[each] = PyMem_Malloc((size_t)page->room * (size_t)page->wide);
    if (!page->out[0] || !page->out[1]) {
        PyErr_NoMemory();
    } else {
#define SOURCE(kind) read_source(kind, page)
        is_read = BY_KIND(kind, SOURCE);
        if (PyErr_Occurred()) {
        } else if (!is_read) {
            found = Py_NewRef(Py_None);
        } else {
            found = Py_BuildValue(
                "NNNN", slice(text, page->lang), slice(text, page->title),
                PyUnicode_FromKindAndData(page->wide, page->out[0], page->sizes[0]),
                PyUnicode_FromKindAndData(page->wide, page->out[1], page->sizes[1])
            );
        }
    }
    PyMem_Free(page->out[0]);
    PyMem_Free(page->out[1]);
    PyMem_Free(page);
    return found;
}

/* -- letters by script --------------------------------------------------------------------------- */

#define SCRIPTS 64

ALWAYS void count_letters(int kind, const void *data, Py_ssize_t length, const uint8_t *table, Py_ssize_t *sums) {
    for (Py_ssize_t place = 0; place < length; place++) {
        Py_UCS4 sign = at(kind, data, place);
        sums[sign < 0x10000 ? table[sign] : Py_UNICODE_ISALPHA(sign) ? 1 : 0]++;
    }
}

/* How many letters of each script there are: the table has a script's number plus one, or 0, for each code point
 * of the first plane; letters past that are of script 0. */
static PyObject *plain_letters(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *text, *table, *found;
    Py_ssize_t sums[256] = {0};
    if (!PyArg_ParseTuple(arguments, "US:letters", &text, &table)) return NULL;
    if (PyBytes_GET_SIZE(table) != 0x10000) return PyErr_Format(PyExc_ValueError, "a table of another size");
#define LETTERS(kind) \
    count_letters(kind, PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), (uint8_t *)PyBytes_AS_STRING(table), sums)
    switch (PyUnicode_KIND(text)) {
        case 1: LETTERS(1); break;
        case 2: LETTERS(2); break;
        default: LETTERS(4);
    }
    if (!(found = PyList_New(SCRIPTS))) return NULL;
    for (int script = 0; script < SCRIPTS; script++) {
        PyObject *sum = PyLong_FromSsize_t(sums[script + 1]);
        if (!sum) {
            Py_DECREF(found);
            return NULL;
        }
        PyList_SET_ITEM(found, script, sum);
    }
    return found;
}

/* -- stop words of a page ------------------------------------------------------------------------ */

/* A view of a column of 32 bits, or of bytes. */
typedef struct { Py_buffer view; Py_ssize_t size; } Column;

static int column_of(PyObject *object, Py_ssize_t item, Column *column) {
    if (PyObject_GetBuffer(object, &column->view, PyBUF_SIMPLE) < 0) return -1;
    column->size = column->view.len / item;
    return 0;
}

ALWAYS uint32_t number_at(const Column *column, Py_ssize_t place) {
    uint32_t number;
    memcpy(&number, (const char *)column->view.buf + place * 4, 4);
    return number;
}

/* A column of forms' numbers, one of occurrences; by number, keys and kinds.  By kind that isn't 0: how often such
 * forms occur, and how many keys they have. */
static PyObject *heard_in(const Column *numbers, const Column *times, const Column *keys, const Column *kinds) {
    if (times->size != numbers->size) return PyErr_Format(PyExc_ValueError, "columns of one length");
    unsigned long long sums[256] = {0};
    uint32_t different[256] = {0};
    Py_ssize_t room = 64;
    while (room < numbers->size * 2) room *= 2;
    uint32_t *met = PyMem_Calloc((size_t)room, sizeof *met); /* keys, plus one */
    PyObject *found = met ? PyList_New(0) : PyErr_NoMemory();
    for (Py_ssize_t place = 0; found && place < numbers->size; place++) {
        uint32_t number = number_at(numbers, place);
        if (number >= kinds->size || number >= keys->size) {
            PyErr_SetString(PyExc_IndexError, "no form has this number");
            Py_CLEAR(found);
            break;
        }
        int kind = ((const uint8_t *)kinds->view.buf)[number];
        if (!kind) continue;
        sums[kind] += number_at(times, place);
        uint32_t key = number_at(keys, number) + 1;
        Py_ssize_t slot = (Py_ssize_t)(key * 0x9E3779B1u) & (room - 1);
        while (met[slot] && met[slot] != key) slot = (slot + 1) & (room - 1);
        different[kind] += !met[slot];
        met[slot] = key;
    }
    for (int kind = 1; found && kind < 256; kind++) {
        if (!different[kind]) continue;
        PyObject *row = Py_BuildValue("iKI", kind, sums[kind], different[kind]);
        if (!row || PyList_Append(found, row) < 0) Py_CLEAR(found);
        Py_XDECREF(row);
    }
    PyMem_Free(met);
    return found;
}

static PyObject *plain_heard(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *told[4], *found = NULL;
    Column columns[4];
    int had = 0;
    if (!PyArg_ParseTuple(arguments, "OOOO:heard", &told[0], &told[1], &told[2], &told[3])) return NULL;
    while (had < 4 && !column_of(told[had], had < 3 ? 4 : 1, &columns[had])) had++;
    if (had == 4) found = heard_in(&columns[0], &columns[1], &columns[2], &columns[3]);
    while (had) PyBuffer_Release(&columns[--had].view);
    return found;
}

/* -- the module --------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"tags", plain_tags, METH_O, "Tags by name, with what each does, for `read`."},
    {"read", plain_read, METH_VARARGS, "Main text and other text of serialised markup; None: it can't tell."},
    {"source", plain_source, METH_VARARGS, "Language, title, main and other text of a page's source; None: a tree tells."},
    {"heard", plain_heard, METH_VARARGS, "Stop words of a page, added up by kind."},
    {"letters", plain_letters, METH_VARARGS, "How many letters of each script a text has."},
    {NULL, NULL, 0, NULL},
};

static int executed(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &lexicon_spec, NULL);
    int done = type ? PyModule_AddObjectRef(module, "Lexicon", type) : -1;
    Py_XDECREF(type);
    return done;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, executed}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "netsuite.words._plain", "Plain text to words, compiled.", 0, functions, module_slots,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__plain(void) { return PyModuleDef_Init(&module); }
