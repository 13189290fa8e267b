/*
 * json - read JSON of strangers strictly, write JSON that everybody can read.
 *
 * The only module that knows the JSON library.  A document borrows the text that it was parsed from: the
 * text must stay unchanged until bh_json_free.  Values belong to their document.
 *
 * Read:    every text is scanned first (json_scan.h), so what comes out is exactly what stands there:
 *          strings are valid UTF-8 without NUL, names are compared with case, and numbers keep their text, so
 *          that 20-digit ids and decimal prices survive.  No double is offered on purpose.
 * Bounds:  size as the caller says, depth, values and length of numbers as json_scan.h says, members of
 *          one object BH_JSON_MEMBERS_MAX.
 * Write:   into a bh_buf, compact, members in the order of the calls; look at bh_buf_status once at the end.
 *
 * All readers accept NULL for a value and answer as for one of another type, so that lookups may be chained.
 * Reading is safe in several threads at once, one document per thread.
 */
#ifndef BH_CORE_JSON_H
#define BH_CORE_JSON_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

#define BH_JSON_MEMBERS_MAX 256

enum bh_json_mode {
    BH_JSON_STRICT, /* jobs, configuration, whatever people write: a repeated name is an error */
    BH_JSON_LENIENT, /* answers of the gateway: a byte order mark is skipped; of a repeated name the first counts */
};

enum bh_json_type {
    BH_JSON_NONE, /* there is no such value */
    BH_JSON_NULL,
    BH_JSON_BOOL,
    BH_JSON_NUMBER,
    BH_JSON_STRING,
    BH_JSON_ARRAY,
    BH_JSON_OBJECT,
};

struct bh_json;       /* a document */
struct bh_json_value; /* borrowed from its document */

/*
 * Parse `text` as one JSON value.  BH_EINVAL: not JSON, or a repeated name (the error's field is the name);
 * BH_ETOOBIG: longer than `bytes_max` (an error is set too); BH_ENOMEM.
 */
enum bh_status bh_json_parse(struct bh_str text, size_t bytes_max, enum bh_json_mode mode,
                             struct bh_json **ret_json, struct bh_error *error) BH_MUST_CHECK;

/* NULL is fine. */
void bh_json_free(struct bh_json *json);

/* Never NULL. */
const struct bh_json_value *bh_json_root(const struct bh_json *json);

enum bh_json_type bh_json_type(const struct bh_json_value *value);

/* With its article, for sentences: "a string", "null", "nothing". */
const char *bh_json_type_name(enum bh_json_type type);

/* The member of that name, case counts; NULL when there is none or `object` is no object. */
const struct bh_json_value *bh_json_get(const struct bh_json_value *object, const char *name);

/* Walk the members of an object or the items of an array, in their order.  NULL: none, no more. */
const struct bh_json_value *bh_json_first(const struct bh_json_value *container);
const struct bh_json_value *bh_json_next(const struct bh_json_value *value);
size_t bh_json_count(const struct bh_json_value *container);

/* The name of an object's member, NUL-terminated; the empty view for anything else. */
struct bh_str bh_json_name(const struct bh_json_value *member);

/* The content of a string, unescaped and NUL-terminated.  False for anything else. */
bool bh_json_string(const struct bh_json_value *value, struct bh_str *ret_text);

/* True and false only. */
bool bh_json_bool(const struct bh_json_value *value, bool *ret_flag);

/* The value as it stands in the document's text: a number's digits, a string with its quotation marks, a whole object. */
struct bh_str bh_json_raw(const struct bh_json *json, const struct bh_json_value *value);

/* A number written without point and exponent that fits; "-0" is 0.  False for anything else. */
bool bh_json_int64(const struct bh_json *json, const struct bh_json_value *value,
                   int64_t *ret_number);

/*
 * Let the JSON library take its memory from bh_alloc too.  Only at the start of a test program: the setting
 * is one for the whole process, and a program that uses the same library beside libbellhop owns it.
 */
void bh_json_use_allocator(void);

/*
 * Writer.  `name` is the member's name inside an object and NULL inside an array and for the outermost value.
 * The caller opens and closes in pairs.
 */
struct bh_json_writer {
    struct bh_buf *buf; /* borrowed */
    bool after_value;   /* the next one needs a comma */
};

void bh_json_writer_init(struct bh_json_writer *writer, struct bh_buf *buf);
void bh_json_open_object(struct bh_json_writer *writer, const char *name);
void bh_json_close_object(struct bh_json_writer *writer);
void bh_json_open_array(struct bh_json_writer *writer, const char *name);
void bh_json_close_array(struct bh_json_writer *writer);
void bh_json_put_string(struct bh_json_writer *writer, const char *name, struct bh_str text);
void bh_json_put_text(struct bh_json_writer *writer, const char *name,
                      const char *text); /* NULL: null */
void bh_json_put_int(struct bh_json_writer *writer, const char *name, int64_t number);
void bh_json_put_bool(struct bh_json_writer *writer, const char *name, bool flag);
void bh_json_put_null(struct bh_json_writer *writer, const char *name);

/* `json` is already JSON; it is not checked. */
void bh_json_put_raw(struct bh_json_writer *writer, const char *name, struct bh_str json);

/*
 * The same for what strangers wrote and a terminal may show: in its strings the control characters U+0080 to U+009F, which
 * JSON allows and terminals obey, are escaped.  It means the same, but may be longer.
 */
void bh_json_put_shown(struct bh_json_writer *writer, const char *name, struct bh_str json);

/*
 * A string with its quotation marks and nothing else.  Bytes that are not UTF-8 become U+FFFD each; all control characters
 * are escaped.
 */
enum bh_status bh_json_append_string(struct bh_buf *buf, struct bh_str text);

#endif
