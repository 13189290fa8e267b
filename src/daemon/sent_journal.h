/*
 * sent_journal - what this process has sent, kept outside Redis: for a Redis that forgets.
 *
 * One per process.  A request is written down before its first byte leaves, and its result before Redis is told;
 * a claimed job is looked up before it is sent.  The last requests stand in memory (core/sent_table) and, where a
 * directory is given, in a file (daemon/sent_file) from which the table is built again at the next start.
 *
 * This is the one thing that the threads share and change: one mutex, held for microseconds, and never while
 * the disk is waited for.  A thread of the journal's own calls fdatasync once a second when something was written, and
 * tries a file that failed again every few seconds.  So a killed process loses nothing, a power cut the last second;
 * and a full or broken disk leaves the table, says so once, and is written to again when it has healed.
 *
 * What cannot be remembered for want of memory is sent all the same: the journal is a second net, not the first.
 */
#ifndef BH_DAEMON_SENT_JOURNAL_H
#define BH_DAEMON_SENT_JOURNAL_H

#include "core/base.h"
#include "engine/protocol.h"
#include "redis/store.h"

#define BH_SENT_JOURNAL_PATH_MAX 4300

struct bh_sent_journal;

struct bh_sent_journal_options {
    struct bh_str directory; /* absolute; empty: in memory only */
    const char *prefix;      /* of the queues' keys */
    const char *instance;    /* names the file */
    uint32_t records;        /* room of the file; the table holds half as many requests */
    bh_ms retry_ms;          /* how long a file that failed is left alone; 0: ten seconds */
};

/* What it has met. */
struct bh_sent_journal_figures {
    uint64_t written; /* records, since the start */
    uint64_t syncs;
    uint32_t read;    /* whole records at the start */
    uint32_t damaged; /* and others */
    bool on_disk;     /* everything is in the file */
};

/* BH_ENOMEM, or BH_EIO when its thread cannot be started.  Trouble with the file is told to the log and is no failure. */
enum bh_status bh_sent_journal_open(const struct bh_sent_journal_options *options,
                                    struct bh_sent_journal **ret_journal) BH_MUST_CHECK;

/* Write what is missing, wait for the disk, end the thread.  NULL is fine. */
void bh_sent_journal_close(struct bh_sent_journal *journal);

/* Each of these may be called from any thread; `queue` is the queue's name. */

/* A request is about to be handed to the transport. */
void bh_sent_journal_begin(struct bh_sent_journal *journal, const char *queue,
                           const struct bh_sent_mark *mark);

/* Its result is about to be written to Redis; may be said again. */
void bh_sent_journal_end(struct bh_sent_journal *journal, const char *queue,
                         const struct bh_settle_command *settle);

/*
 * A job was claimed.  Fills its payload_digest, and sent_before with `trace` when something is known of it; strings
 * of the trace lie in `memory`.
 */
struct bh_sent_memory {
    struct bh_sent_trace trace;
    struct bh_sent_record record;
};
void bh_sent_journal_claimed(struct bh_sent_journal *journal, const char *queue,
                             const struct bh_claimed_event *claim, struct bh_claimed_job *job,
                             struct bh_sent_memory *memory);

/* The largest token and handle that were met, for the store to compare with Redis' own. */
struct bh_store_mark bh_sent_journal_mark(struct bh_sent_journal *journal, const char *queue);

/* Redis has rolled back: what it forgot is in doubt from now on.  Says so in the log, once. */
void bh_sent_journal_rolled_back(struct bh_sent_journal *journal,
                                 const struct bh_store_roll_back *roll_back);

struct bh_sent_journal_figures bh_sent_journal_figures(struct bh_sent_journal *journal);

#endif
