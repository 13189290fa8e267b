/*
 * config_own - what the files config*.c share and nobody else needs: the slots behind a snapshot.
 *
 * A slot is the effective value of one row: the text that was written, what was read from it, and where
 * it came from.  The typed members of struct bh_config are filled from slots and borrow from them; a slot
 * owns its memory.  So printing, comparing and carrying a value over work alike for every key.
 */
#ifndef BH_CORE_CONFIG_OWN_H
#define BH_CORE_CONFIG_OWN_H

#include <stdatomic.h>

#include "core/config.h"
#include "core/config_table.h"

/* In the place of a secret wherever values are shown. */
#define BH_CONFIG_MASK "********"

enum bh_config_origin {
    BH_CONFIG_UNSET, /* while reading only */
    BH_CONFIG_FROM_DEFAULT,
    BH_CONFIG_FROM_FILE,        /* line and column say where */
    BH_CONFIG_FROM_ENVIRONMENT, /* origin_name is the variable */
    BH_CONFIG_FROM_SECRET_FILE, /* origin_name is the path */
    BH_CONFIG_FROM_SYSTEM,      /* the host's name */
};

struct bh_config_slot {
    char *text; /* owned; normalised: no slash at a URL's end; a secret in the clear */
    size_t len;
    int64_t number;               /* INT LONG BOOL DURATION SIZE MONEY ENUM; LISTEN: the port */
    char *host;                   /* owned; LISTEN: "" when off */
    struct bh_schedule *schedule; /* owned; SCHEDULE */
    enum bh_config_origin origin;
    bool
        broken; /* while reading: what was written is refused, so checks with other keys make no sense */
    unsigned line;
    unsigned column;
    char *origin_name; /* owned, or NULL */
};

struct bh_config_queue_own {
    struct bh_config_slot *slots; /* owned; bh_config_queue_slots of them */
    unsigned line;
    unsigned column;
};

struct bh_config_private {
    atomic_uint refs;
    struct bh_config
        *config;          /* the snapshot itself, so that a holder of a const pointer can free it */
    char *file_name;      /* owned */
    struct bh_zone *zone; /* owned */
    struct bh_config_slot *slots; /* owned; bh_config_global_slots of them */
    struct bh_config_queue_own queues[BH_CONFIG_QUEUES_MAX]; /* as config->queues */
    unsigned numbers_used;                                   /* next fresh queue number */
};

/* ---- config_value.c ---- */

/*
 * Read `text` as the row wants it and replace the slot's value; the origin stays as it is.
 * BH_EINVAL: `error` says why, without quoting secrets or URLs, and the slot is unchanged.  BH_ENOMEM.
 */
enum bh_status bh_config_slot_read(const struct bh_config_row *row, struct bh_str text,
                                   struct bh_config_slot *slot,
                                   struct bh_error *error) BH_MUST_CHECK;

/* ---- config_slot.c ---- */

/* Free what the slot owns, wiping it, and empty it. */
void bh_config_slot_release(struct bh_config_slot *slot);

/* Replace the slot's value by that of `fresh`, which is left empty; the slot keeps its own origin. */
void bh_config_slot_take_value(struct bh_config_slot *slot, struct bh_config_slot *fresh);

/* Say where the value comes from; `name` is copied.  BH_ENOMEM: the slot is unchanged. */
enum bh_status bh_config_slot_set_origin(struct bh_config_slot *slot, enum bh_config_origin origin,
                                         struct bh_str name) BH_MUST_CHECK;

/* Set the member of `base` (a struct bh_config or bh_queue_config) that the row describes. */
void bh_config_slot_apply(const struct bh_config_row *row, const struct bh_config_slot *slot,
                          void *base);

/* The same effective value, however it was written. */
bool bh_config_slot_equal(const struct bh_config_row *row, const struct bh_config_slot *a,
                          const struct bh_config_slot *b);

/* Append the value as it may be shown: secrets, and logins in URLs, masked. */
enum bh_status bh_config_slot_show(const struct bh_config_row *row,
                                   const struct bh_config_slot *slot, struct bh_buf *buf);

/* What a row accepts, for people: "1 to 64 threads", "100ms to 60s", "basic, header or parameter". */
struct bh_config_range {
    char text[160];
};
struct bh_config_range bh_config_row_range(const struct bh_config_row *row);

/* ---- config_url.c ---- */

/* Parts of an absolute URL; views into it. */
struct bh_config_url {
    struct bh_str scheme;
    struct bh_str login; /* before the @; ptr NULL: none */
    struct bh_str host;  /* without brackets */
    uint16_t port;       /* 0: none given */
    struct bh_str rest;  /* from the first / ? or # behind the host */
};

/* False when it is not SCHEME://[LOGIN@]HOST[:PORT][REST] in visible ASCII. */
bool bh_config_url_split(struct bh_str text, struct bh_config_url *ret_url);

/* HOST:PORT or [ADDRESS]:PORT. */
bool bh_config_host_port_split(struct bh_str text, struct bh_str *ret_host, uint16_t *ret_port);

/* The name or address means this machine: localhost, 127.x.x.x, ::1. */
bool bh_config_host_is_loopback(struct bh_str host);

/* A name of the zone database that cannot leave its directory. */
bool bh_config_zone_name_is_safe(struct bh_str name);

/* ---- config_environment.c ---- */

/*
 * Set slots from "BELLHOP_SECTION_KEY=value" strings, over what the file said, and report what is wrong
 * with them.  BH_ENOMEM, or BH_OK with errors in the report.
 */
enum bh_status bh_config_read_environment(struct bh_config *config, const char *const *environment,
                                          struct bh_config_report *report) BH_MUST_CHECK;

/* ---- config_files.c ---- */

/* Fetch each secret whose path is set.  BH_ENOMEM, or BH_OK with errors in the report. */
enum bh_status bh_config_read_secrets(struct bh_config *config, const struct bh_config_files *files,
                                      struct bh_config_report *report) BH_MUST_CHECK;

/* Fetch the rules of [gateway] timezone.  BH_ENOMEM, or BH_OK with an error in the report. */
enum bh_status bh_config_read_zone(struct bh_config *config, const struct bh_config_files *files,
                                   struct bh_config_report *report) BH_MUST_CHECK;

/* ---- config_check.c ---- */

/*
 * Add errors and warnings about values that do not go together.  All slots are set and applied; those
 * marked broken hold their defaults and are left out.
 */
void bh_config_check(const struct bh_config *config, struct bh_config_report *report);

/* ---- config.c ---- */

/* An empty snapshot with one reference, all slots unset. */
struct bh_config *bh_config_new(const char *file_name) BH_MUST_CHECK;

/* Add a queue of that (valid) name; NULL when short of memory. */
struct bh_config_queue_own *bh_config_queue_add(struct bh_config *config,
                                                struct bh_str name) BH_MUST_CHECK;

/* Set every member from its slot. */
void bh_config_apply(struct bh_config *config);

/* The slot of a row; `queue` counts for queue rows only. */
struct bh_config_slot *bh_config_slot_get(const struct bh_config *config,
                                          const struct bh_config_section *section, size_t row,
                                          size_t queue);

/* "FILE:LINE:COLUMN", the variable's name, or the file's name for defaults; for messages. */
struct bh_config_where {
    char text[512];
};
struct bh_config_where bh_config_slot_where(const struct bh_config *config,
                                            const struct bh_config_slot *slot);

/* "[gateway] timeout", "[queue sms] ttl". */
struct bh_config_label {
    char text[BH_CONFIG_QUEUE_NAME_MAX + 96];
};
struct bh_config_label bh_config_label(const struct bh_config *config,
                                       const struct bh_config_section *section, size_t row,
                                       size_t queue);

#endif
