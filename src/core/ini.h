/*
 * ini - read the lines of an INI file, exactly.
 *
 * The dialect, which has no second readings:
 *   - a line is blank, a comment (`#` or `;` as its first visible character), `[section]`,
 *     `[section name]`, or `key = value`; blanks around each part do not count;
 *   - a value goes to the end of its line and may hold ` ;`, ` #`, quotes and backslashes, all as they are;
 *     there are no inline comments, no quoting and no continued lines;
 *   - bytes are UTF-8 without a byte order mark; lines end in LF or CR LF; no control character but the tab;
 *   - a line has at most BH_INI_LINE_MAX bytes.
 *
 * A puller over borrowed bytes: no allocation, no state but a position, so that a caller collects all
 * faults in one go.  After a broken section header the lines up to the next header are passed over,
 * because nobody knows where they belong.  What sections and keys exist, and whether they repeat, is the
 * caller's business.
 */
#ifndef BH_CORE_INI_H
#define BH_CORE_INI_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

#define BH_INI_LINE_MAX 4096
#define BH_INI_KEY_MAX  64

enum bh_ini_kind {
    BH_INI_END,
    BH_INI_SECTION,
    BH_INI_VALUE,
    BH_INI_FAULT,
};

struct bh_ini_item {
    enum bh_ini_kind kind;
    unsigned line;         /* from 1; 0 at the end */
    unsigned column;       /* in characters from 1: of the section, the key, or the fault */
    unsigned value_column; /* VALUE: where the value begins, or would */
    struct bh_str section; /* SECTION and VALUE: "queue" */
    struct bh_str name;    /* SECTION and VALUE: "sms" of [queue sms]; empty when there is none */
    struct bh_str key;     /* VALUE: [A-Za-z0-9_.-]{1,64} */
    struct bh_str value;   /* VALUE: trimmed; may be empty */
    struct bh_error fault; /* FAULT: a sentence */
};

struct bh_ini {
    struct bh_str rest;
    unsigned line;
    bool started;
    bool in_section; /* a good header was seen and stands */
    bool skipping;   /* behind a broken header */
    struct bh_str section;
    struct bh_str name;
};

/* Views in items are borrowed from `bytes`. */
void bh_ini_init(struct bh_ini *ini, struct bh_str bytes);

/* The next thing of interest; the kind is also returned.  After END, END again. */
enum bh_ini_kind bh_ini_next(struct bh_ini *ini, struct bh_ini_item *ret_item);

#endif
