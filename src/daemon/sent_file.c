#include "daemon/sent_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_RECORDS 256

static const char look_at_disk[] = "See whether the disk is full, failing or read-only";

static bool
fail(struct bh_sent_file *file, struct bh_sent_file_trouble *ret_trouble, const char *step,
     const char *advice, int error)
{
    bh_sent_file_close(file);
    *ret_trouble = (struct bh_sent_file_trouble){step, advice, error};
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------- */

struct scan {
    unsigned char bytes[CHUNK_RECORDS * BH_SENT_RECORD_BYTES];
    uint32_t first, count; /* what lies in `bytes` */
};

/* NULL when it cannot be read. */
static const unsigned char *
record_at(const struct bh_sent_file *file, struct scan *scan, uint32_t place)
{
    if (place < scan->first || place >= scan->first + scan->count) {
        off_t at = (off_t)place * BH_SENT_RECORD_BYTES;
        ssize_t got;
        do
            got = pread(file->fd, scan->bytes, sizeof(scan->bytes), at);
        while (got < 0 && errno == EINTR);
        if (got < BH_SENT_RECORD_BYTES)
            return NULL;
        scan->first = place;
        scan->count = (uint32_t)got / BH_SENT_RECORD_BYTES;
    }
    return scan->bytes + (size_t)(place - scan->first) * BH_SENT_RECORD_BYTES;
}

static bool
look_through(struct bh_sent_file *file)
{
    struct scan scan;
    struct bh_sent_record record;
    scan.first = scan.count = 0;
    for (uint32_t place = 0; place < file->records; place++) {
        const unsigned char *bytes = record_at(file, &scan, place);
        if (bytes == NULL)
            return false;
        enum bh_sent_reading reading = bh_sent_record_parse(bytes, &record);
        file->damaged += reading == BH_SENT_DAMAGED;
        file->whole += reading == BH_SENT_READ;
        if (reading == BH_SENT_READ && record.sequence > file->newest) {
            file->newest = record.sequence;
            file->next = (place + 1) % file->records;
        }
    }
    return true;
}

bool
bh_sent_file_read(const struct bh_sent_file *file,
                  void (*visit)(void *arg, const struct bh_sent_record *record), void *arg)
{
    struct scan scan;
    struct bh_sent_record record;
    uint64_t last = 0;
    scan.first = scan.count = 0;
    for (uint32_t i = 0; i < file->records; i++) {
        const unsigned char *bytes = record_at(file, &scan, (file->next + i) % file->records);
        if (bytes == NULL)
            return false;
        if (bh_sent_record_parse(bytes, &record) != BH_SENT_READ || record.sequence <= last)
            continue;
        last = record.sequence;
        visit(arg, &record);
    }
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* What is there already, before a byte is changed. */
static bool
look_at_content(struct bh_sent_file *file, off_t size, struct bh_sent_file_trouble *ret_trouble)
{
    uint64_t there = (uint64_t)size / BH_SENT_RECORD_BYTES;
    file->records = there > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)there;
    if (!look_through(file))
        return fail(file, ret_trouble, "read", look_at_disk, errno);
    if (file->whole == 0 && (file->damaged > 0 || size % BH_SENT_RECORD_BYTES != 0))
        return fail(file, ret_trouble, "read",
                    "It holds something else than our records and is left alone: move it away", 0);
    return true;
}

static bool
make_room(struct bh_sent_file *file, uint32_t records, off_t size,
          struct bh_sent_file_trouble *ret_trouble)
{
    if (file->records >= records)
        return true;
    int error;
    do
        error = posix_fallocate(file->fd, 0, (off_t)records * BH_SENT_RECORD_BYTES);
    while (error == EINTR);
    if (error != 0) {
        /* Half a journal would fail later, at a worse moment. */
        int truncated = ftruncate(file->fd, size);
        (void)truncated;
        return fail(file, ret_trouble, "allocate",
                    "Make room on the disk, or make [pool] journal_records smaller", error);
    }
    /* The newest is at the old end: go on in the new room, and not over the oldest. */
    if (file->next == 0 && file->newest > 0)
        file->next = file->records;
    file->records = records;
    return true;
}

bool
bh_sent_file_open(struct bh_sent_file *file, const char *path, uint32_t records,
                  struct bh_sent_file_trouble *ret_trouble)
{
    *file = (struct bh_sent_file){
        .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR),
    };
    if (file->fd < 0)
        return fail(file, ret_trouble, "open",
                    "The directory of [pool] journal must exist and be writable for this user",
                    errno);
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return fail(file, ret_trouble, "lock",
                    "Another process uses it; give each a [pool] instance or journal of its own",
                    errno);
    struct stat status;
    if (fstat(file->fd, &status) != 0 || !S_ISREG(status.st_mode))
        return fail(file, ret_trouble, "open", "It must be a plain file", 0);
    return look_at_content(file, status.st_size, ret_trouble) &&
           make_room(file, records, status.st_size, ret_trouble);
}

void
bh_sent_file_close(struct bh_sent_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* ---- writing ------------------------------------------------------------------------------------- */

bool
bh_sent_file_write(struct bh_sent_file *file, const struct bh_sent_record *record,
                   struct bh_sent_file_trouble *ret_trouble)
{
    unsigned char bytes[BH_SENT_RECORD_BYTES];
    bh_sent_record_format(record, bytes);
    ssize_t written;
    do
        written = pwrite(file->fd, bytes, sizeof(bytes), (off_t)file->next * BH_SENT_RECORD_BYTES);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)sizeof(bytes)) {
        *ret_trouble =
            (struct bh_sent_file_trouble){"write", look_at_disk, written < 0 ? errno : ENOSPC};
        return false;
    }
    file->next = (file->next + 1) % file->records;
    file->newest = record->sequence;
    return true;
}

bool
bh_sent_file_sync(int fd, struct bh_sent_file_trouble *ret_trouble)
{
    if (fdatasync(fd) == 0)
        return true;
    *ret_trouble = (struct bh_sent_file_trouble){"sync", look_at_disk, errno};
    return false;
}
