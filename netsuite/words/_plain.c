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

#define TAGS 256 /* slots; four times as many as there are names */

typedef struct {
    Tag tags[TAGS];
    size_t number;
} Tags;

ALWAYS size_t place_of(const uint64_t *name) {
    return (size_t)(((name[0] ^ name[1] * 31) * 0x9E3779B97F4A7C15u) >> 56);
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
