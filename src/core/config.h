/*
 * config - the configuration of bellhopd: one table, one immutable snapshot.
 *
 * The table (config_table.c) holds a row per key: section, type, default, bounds, reload class, help.
 * Everything else is derived from it: defaults, parsing, validation, environment override,
 * --print-config, the example file, the key list of the manual page, and the difference at a reload.
 *
 * Pure: reading takes bytes, an environment as strings, and two functions that fetch a secret's file
 * and a zone's file; config_load (daemon) supplies those from the system.  All that is wrong is
 * collected, with file, line and column, and a snapshot exists only when nothing is.
 *
 * A snapshot is immutable once published and counted by reference with atomics, so that threads share
 * it and a job keeps the one it began with.  All strings in it are owned by it, are NUL-terminated and
 * never NULL: a key that is not set is "".
 */
#ifndef BH_CORE_CONFIG_H
#define BH_CORE_CONFIG_H

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/log_line.h"
#include "core/str.h"

#include <bellhop/error.h>
#include <bellhop/job.h>

struct bh_schedule; /* core/schedule.h */
struct bh_zone;     /* core/zone.h */

#define BH_CONFIG_FILE_MAX     (1024 * 1024)
#define BH_CONFIG_SECRET_MAX   4096
#define BH_CONFIG_MESSAGES_MAX 100
#define BH_CONFIG_QUEUES_MAX   64 /* queues in one configuration */
#define BH_CONFIG_QUEUE_NUMBERS_MAX                                                                \
    256 /* names of queues that a process meets over all its reloads */
#define BH_CONFIG_QUEUE_NAME_MAX 32

/* ---- The snapshot ---- */

/* A key or a password.  Never given to printf; wiped when the snapshot is freed. */
struct bh_config_secret {
    const char *bytes; /* owned, NUL-terminated, without NUL inside; never NULL */
    size_t len;        /* 0: not set */
};

struct bh_config_listen {
    const char *host; /* an address or a name, without brackets; "" when off */
    uint16_t port;    /* 0 when off */
};

struct bh_config_redis {
    const char *url; /* redis://, rediss:// or unix://; may hold credentials, so never log it */
    const char *username;
    struct bh_config_secret password; /* from `password` or the content of `password_file` */
    const char *password_file;
    const char *prefix;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    bh_ms connect_timeout_ms;
    bh_ms command_timeout_ms;
};

enum bh_config_auth {
    BH_CONFIG_AUTH_BASIC,     /* Authorization: basic KEY, the key as it is */
    BH_CONFIG_AUTH_HEADER,    /* X-Api-Key: KEY */
    BH_CONFIG_AUTH_PARAMETER, /* p=KEY in the request's body, never in the URL */
};

struct bh_config_gateway {
    const char *url; /* without a slash at the end */
    struct bh_config_secret api_key;
    const char *api_key_file;
    enum bh_config_auth auth;
    struct bh_config_secret signing_key; /* empty: requests are not signed */
    const char *signing_key_file;
    bh_ms connect_timeout_ms;
    bh_ms timeout_ms; /* of a whole request; less than the lease */
    int max_connections;
    int connections_per_second;
    int requests_per_second; /* 0: no limit */
    int requests_per_connection;
    const char *timezone;       /* a name of the zone database */
    const struct bh_zone *zone; /* owned; the rules of `timezone` */
    const char *country;        /* calling code of numbers written 0...: 1 to 3 digits */
    const char *ca_file;
    const char *proxy;
    bh_ms balance_interval_ms;
    int64_t low_balance_micro; /* millionths of the account's currency; 0: no warning */
    bh_ms reload_lock_ms;      /* 0: the account has it switched off */
    bool pull_reports;
    bh_ms pull_after_ms;
};

struct bh_config_pool {
    int workers;
    int concurrency; /* per worker */
    bh_ms lease_ms;
    bh_ms drain_timeout_ms;
    const char *journal; /* a directory, "off", or "" for the service manager's */
    int journal_records;
    const char *instance; /* never empty in a snapshot: the host's name unless configured */
};

struct bh_config_status {
    bh_ms retention_ms;
    int64_t events_max; /* 0: no stream */
};

struct bh_config_http {
    struct bh_config_listen listen;
    const char *webhook_url;
    struct bh_config_secret webhook_token;
    bool webhook_signed;
    const char *webhook_from;             /* addresses and networks; empty: any */
    struct bh_config_secret callback_key; /* empty: callbacks are not signed */
    const char *callback_key_file;
    struct bh_config_secret admin_token;
};

struct bh_config_alert {
    const char *command;
    const char *url;
    bh_ms oldest_job_ms; /* 0: no alert */
    int64_t dead_jobs;   /* 0: no alert */
    bh_ms repeat_ms;
};

struct bh_config_log {
    enum bh_log_level level;
    enum bh_log_format format;
    bool mask;
};

enum bh_queue_fair_by {
    BH_QUEUE_FAIR_BY_NOTHING,
    BH_QUEUE_FAIR_BY_FROM,
    BH_QUEUE_FAIR_BY_LABEL,
};

struct bh_queue_config {
    char name[BH_CONFIG_QUEUE_NAME_MAX + 1]; /* [a-z0-9_-]{1,32} */
    unsigned
        no; /* stable for this name as long as reloads keep it; < BH_CONFIG_QUEUE_NUMBERS_MAX */
    enum bh_job_type type;
    int weight;
    bool strict;
    int rate;        /* jobs per second; 0: no limit */
    int concurrency; /* jobs in flight over all processes; 0: no limit */
    bh_ms ttl_ms;
    const struct bh_schedule *retry;   /* owned by the snapshot */
    bool retry_written;                /* somebody chose it: it is not the default */
    enum bh_on_uncertain on_uncertain; /* HOLD or RESEND, never DEFAULT */
    int bundle;
    bh_ms bundle_wait_ms;
    enum bh_queue_fair_by fair_by;
    bool resend_on_report;
    int redial;
    bh_ms redial_after_ms;
    const char *callback_url;
    bool callback_all; /* jobs that name none are posted to callback_url itself */
    int64_t dead_max;
    bh_ms dead_ttl_ms;
    int64_t max_job_bytes;
    int64_t max_job_with_files_bytes;
};

struct bh_config_private;

struct bh_config {
    struct bh_config_redis redis;
    struct bh_config_gateway gateway;
    struct bh_config_pool pool;
    struct bh_config_status status;
    struct bh_config_http http;
    struct bh_config_alert alert;
    struct bh_config_log log;
    struct bh_queue_config *queues; /* owned; in the order of the file */
    size_t queues_count;            /* 1 to BH_CONFIG_QUEUES_MAX */
    struct bh_config_private *own;  /* references, origins, texts: of config*.c alone */
};

/* Count one more holder; returns `config`.  From any thread. */
const struct bh_config *bh_config_retain(const struct bh_config *config);

/* Count one holder less; the last one frees it and wipes its secrets.  From any thread.  NULL is accepted. */
void bh_config_release(const struct bh_config *config);

/* The queue of that name, or NULL; valid as long as the snapshot. */
const struct bh_queue_config *bh_config_queue_get(const struct bh_config *config,
                                                  struct bh_str name);

/* ---- What was found while reading ---- */

enum bh_config_severity {
    BH_CONFIG_ERROR,   /* nothing is applied */
    BH_CONFIG_WARNING, /* applied, but somebody should know */
};

struct bh_config_message {
    enum bh_config_severity severity;
    char *
        where; /* owned; "FILE:LINE:COLUMN", "FILE:LINE", "FILE" or the environment variable's name */
    char *text; /* owned; one sentence, no secret in it */
};

/* Zero-initialise it: `struct bh_config_report report = {0};`. */
struct bh_config_report {
    struct bh_config_message
        *messages; /* owned; as found: the file from top to bottom, then the rest */
    size_t count;  /* at most BH_CONFIG_MESSAGES_MAX */
    size_t errors; /* counted also beyond the maximum */
    size_t warnings;
    enum bh_status failed; /* BH_ENOMEM when a message could not be kept */
};

void bh_config_report_release(struct bh_config_report *report);

/* Append each as "WHERE: error: TEXT\n" or "WHERE: warning: TEXT\n", and how many more there were. */
enum bh_status bh_config_report_print(const struct bh_config_report *report, struct bh_buf *buf);

/* Add one message, with a period at its end if it has none; for config*.c and config_load.c. */
void bh_config_report_add(struct bh_config_report *report, enum bh_config_severity severity,
                          const char *where, const char *format, ...) BH_PRINTF(4, 5);

/* ---- Reading ---- */

/* Overwrite bytes that were a secret, in a way that the compiler keeps; NULL is fine. */
void bh_config_wipe(char *bytes, size_t len);

/* How reading gets at files.  Both append to `ret_bytes` and say in `error` what failed. */
struct bh_config_files {
    void *arg;

    /*
     * The content of a secret's file, byte for byte, at most BH_CONFIG_SECRET_MAX + 2 bytes.
     * *ret_exposed: its mode lets group or others read it.
     */
    enum bh_status (*read_secret)(void *arg, const char *path, struct bh_buf *ret_bytes,
                                  bool *ret_exposed, struct bh_error *error);

    /* The compiled zone (RFC 8536) of that name; the name has been checked to stay inside the database. */
    enum bh_status (*read_zone)(void *arg, const char *name, struct bh_buf *ret_bytes,
                                struct bh_error *error);
};

struct bh_config_source {
    const char *file_name;    /* as messages shall name it */
    struct bh_str file_bytes; /* the whole file */
    bool file_exposed;        /* group or others may read it: a warning when it holds secrets */
    const char *const *environment; /* "NAME=value", ended by NULL; NULL: none */
    const char *host_name;          /* default of [pool] instance; not empty */
    struct bh_config_files files;
};

/*
 * Read a whole configuration.  BH_OK: *ret_config is a snapshot with one reference, the caller's, and
 * the report holds warnings at most.  BH_EINVAL: the report holds at least one error.  BH_ENOMEM.
 * Queues are numbered from 0 in the order of the file.
 */
enum bh_status bh_config_read(const struct bh_config_source *source,
                              struct bh_config_report *report,
                              struct bh_config **ret_config) BH_MUST_CHECK;

/* ---- Reloading ---- */

enum bh_config_reload {
    BH_CONFIG_LIVE,     /* in force at once, for running jobs too */
    BH_CONFIG_NEXT_JOB, /* in force for attempts that begin later */
    BH_CONFIG_RESTART,  /* in force after a restart; a reload reports it and keeps the old value */
};

struct bh_config_change {
    char *key; /* owned; "[gateway] timeout", or "[queue NAME]" alone when a queue came or went */
    char *was; /* owned; as in the file, secrets masked; "" when the queue is new */
    char *now; /* owned; "" when the queue is gone */
    enum bh_config_reload reload;
};

struct bh_config_diff {
    struct bh_config_change *changes; /* owned */
    size_t count;
    size_t restart_count; /* those of class BH_CONFIG_RESTART */
};

/* Which effective values differ.  "5m" and "300s" do not. */
enum bh_status bh_config_diff(const struct bh_config *old, const struct bh_config *fresh,
                              struct bh_config_diff *ret_diff) BH_MUST_CHECK;

void bh_config_diff_release(struct bh_config_diff *diff);

/*
 * Make `fresh`, just read and held by nobody else, the successor of `old`: keys of class restart keep
 * the old values, queues keep the numbers of their names (bh_config_number_queues), and the checks
 * between keys run again over what is now in force.  Take the difference first.
 * BH_EINVAL: the report says why this reload must be refused; `fresh` is then good for release only.
 */
enum bh_status bh_config_succeed(struct bh_config *fresh, const struct bh_config *old,
                                 struct bh_config_report *report) BH_MUST_CHECK;

/*
 * Give each queue of `fresh` the number that its name has in `old`, and new names numbers that this
 * process has not used yet.  `old` NULL: from 0.  A name that went away and comes back gets a new one.
 * BH_ETOOBIG with a sentence in `error` when BH_CONFIG_QUEUE_NUMBERS_MAX are used up.
 */
enum bh_status bh_config_number_queues(struct bh_config *fresh, const struct bh_config *old,
                                       struct bh_error *error) BH_MUST_CHECK;

/* ---- Printing ---- */

/*
 * Effective values as an INI file, with the origin of each above it and defaults behind `;`.  Read again it gives the
 * same, but for secrets, whose mask is refused.
 */
enum bh_status bh_config_print(const struct bh_config *config, struct bh_buf *buf) BH_MUST_CHECK;

/* The complete, commented reference: config.example.ini. */
enum bh_status bh_config_print_example(struct bh_buf *buf) BH_MUST_CHECK;

/* The list of sections and keys in mdoc(7), for bellhopd.conf(5). */
enum bh_status bh_config_print_mdoc(struct bh_buf *buf) BH_MUST_CHECK;

#endif
