/*
 * sent_file - the file under the journal of what was sent: a ring of records, allocated as a whole.
 *
 * Records are appended behind the newest; the oldest is overwritten when the ring is full.  A written record
 * survives the end of the process however it comes, because it is in the kernel's hands; it survives the end of the machine
 * once bh_sent_file_sync has returned.  The place of a record has no meaning but its order, so that the ring may be
 * made larger; it is never made smaller.
 *
 * The file is locked as long as it is open, and belongs to one thread at a time but for sync.
 */
#ifndef BH_DAEMON_SENT_FILE_H
#define BH_DAEMON_SENT_FILE_H

#include "core/base.h"
#include "core/sent_record.h"

struct bh_sent_file {
    int fd;                  /* -1: closed */
    uint32_t records;        /* room */
    uint32_t next;           /* the place to be written next */
    uint64_t newest;         /* the largest sequence in it; 0: none */
    uint32_t whole, damaged; /* what was found when it was opened */
};

#define BH_SENT_FILE_CLOSED ((struct bh_sent_file){.fd = -1})

/* What could not be done, for a log. */
struct bh_sent_file_trouble {
    const char *step;   /* "open", "lock", "allocate", ...; a literal */
    const char *advice; /* one sentence; a literal */
    int error;          /* errno; 0 when the trouble is none of the system's */
};

/*
 * Open or create it with room for at least so many records, mode 0600, and look through it.  False: not
 * open, *ret_trouble says why.
 */
bool bh_sent_file_open(struct bh_sent_file *file, const char *path, uint32_t records,
                       struct bh_sent_file_trouble *ret_trouble);
void bh_sent_file_close(struct bh_sent_file *file);

/*
 * Give each whole record to `visit`, oldest first; what a power cut left out of order is left out.  False when the
 * file could not be read to its end.
 */
bool bh_sent_file_read(const struct bh_sent_file *file,
                       void (*visit)(void *arg, const struct bh_sent_record *record), void *arg);

/* Append; its sequence must be larger than all before.  False: not written. */
bool bh_sent_file_write(struct bh_sent_file *file, const struct bh_sent_record *record,
                        struct bh_sent_file_trouble *ret_trouble);

/* Wait until what was written is on the disk.  From any thread. */
bool bh_sent_file_sync(int fd, struct bh_sent_file_trouble *ret_trouble);

#endif
