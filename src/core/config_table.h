/*
 * config_table - the table of all sections and keys: what bellhopd can be told.
 *
 * One row per key says everything about it; the reader, the checks, the printers, the manual page, the
 * example and the reload all follow the rows.  To add a key: a member in config.h, a row here, and the
 * regenerated config.example.ini; the tests find the rest.
 */
#ifndef BH_CORE_CONFIG_TABLE_H
#define BH_CORE_CONFIG_TABLE_H

#include "core/base.h"
#include "core/config.h"
#include "core/str.h"

/* The type decides the text's grammar and the member's C type. */
enum bh_config_type {
    BH_CONFIG_STRING,    /* const char *: any text */
    BH_CONFIG_WORD,      /* const char *: [A-Za-z0-9._:@-], min to max characters */
    BH_CONFIG_DIGITS,    /* const char *: min to max decimal digits, the first not 0 */
    BH_CONFIG_SECRET,    /* struct bh_config_secret: any text, never shown */
    BH_CONFIG_PATH,      /* const char *: an absolute path, or empty, or off with that flag */
    BH_CONFIG_INT,       /* int */
    BH_CONFIG_LONG,      /* int64_t */
    BH_CONFIG_BOOL,      /* bool: yes no true false on off 1 0 */
    BH_CONFIG_DURATION,  /* bh_ms: with unit */
    BH_CONFIG_SIZE,      /* int64_t: bytes, with unit */
    BH_CONFIG_MONEY,     /* int64_t: millionths, written as a decimal number */
    BH_CONFIG_ENUM,      /* an enum: one of `choices` */
    BH_CONFIG_SCHEDULE,  /* const struct bh_schedule *: the grammar of schedule.h */
    BH_CONFIG_REDIS_URL, /* const char *: the grammar of redis_url.h */
    BH_CONFIG_HTTP_URL,  /* const char *: http or https, no login inside; or empty */
    BH_CONFIG_PROXY_URL, /* const char *: http, https, socks5 or socks5h; may hold a login; or empty */
    BH_CONFIG_LISTEN,    /* struct bh_config_listen: HOST:PORT, or empty */
    BH_CONFIG_ZONE,      /* const char *: a name of the zone database */
};

enum {
    BH_CONFIG_RESERVED = 1 << 0, /* accepted and checked, but this version does nothing with it */
    BH_CONFIG_OFF =
        1 << 1, /* the word `off` stands for 0, which is not accepted; a path keeps the word */
    BH_CONFIG_QUERY = 1 << 2, /* the URL may end with a query, which counts as a secret */
};

struct bh_config_choice {
    const char *word;
    int value;
};

struct bh_config_row {
    const char *key;
    enum bh_config_type type;
    const char *fallback;       /* the default, as it would stand in the file */
    const char *fallback_voice; /* the default of a queue of type voice; NULL: the same */
    const char *example;        /* what the example file sets instead; NULL: the default */
    int64_t min; /* of the number in its base unit (ms, bytes, millionths), or of the length */
    int64_t max;
    const char *unit; /* what a bare number counts, for people; NULL: nothing to say */
    const struct bh_config_choice *choices; /* ENUM: ended by a NULL word */
    enum bh_config_reload reload;
    unsigned flags;
    const char *help; /* one or two sentences */
    size_t offset;    /* of the member in struct bh_config, or in struct bh_queue_config */
};

struct bh_config_section {
    const char *name;
    bool
        is_queue; /* written [queue NAME], any number of times; members in struct bh_queue_config */
    const char *help;
    const struct bh_config_row *rows;
    size_t rows_count;
    size_t slots_at; /* where this section's slots begin: among the global ones, or in a queue's */
};

#define BH_CONFIG_SECTIONS 8
extern const struct bh_config_section bh_config_sections[BH_CONFIG_SECTIONS];

/* Slots of all sections but the queue's, and of one queue. */
extern const size_t bh_config_global_slots;
extern const size_t bh_config_queue_slots;

/* The section of that name, or NULL. */
const struct bh_config_section *bh_config_section_get(struct bh_str name);

/* The row of that key, or NULL. */
const struct bh_config_row *bh_config_row_get(const struct bh_config_section *section,
                                              struct bh_str key);

/* The default as text for a queue of that type; global rows ignore the type. */
const char *bh_config_row_fallback(const struct bh_config_row *row, enum bh_job_type type);

/* What a value of that type is, as the start of a sentence: "A duration". */
const char *bh_config_type_name(enum bh_config_type type);

#endif
