/*
 * A record that is read is written down as the very same bytes; one that is refused leaves the output alone; and a
 * table takes whatever can be read.
 */
#include <stdint.h>
#include <string.h>

#include "core/sent_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Without a right checksum nothing would ever be read: the last four bytes are made by writing it once. */
static void
check(const unsigned char *bytes, struct bh_sent_table *table)
{
    struct bh_sent_record record, before;
    unsigned char again[BH_SENT_RECORD_BYTES];
    memset(&before, 0x5a, sizeof(before));
    memcpy(&record, &before, sizeof(record));
    if (bh_sent_record_parse(bytes, &record) != BH_SENT_READ) {
        BH_ASSERT(memcmp(&record, &before, sizeof(record)) == 0);
        return;
    }
    bh_sent_record_format(&record, again);
    BH_ASSERT(memcmp(bytes, again, sizeof(again)) == 0);
    bh_sent_table_apply(table, &record);
    bh_sent_table_check(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_sent_table table;
    if (bh_sent_table_init(&table, 8) != BH_OK)
        return 0;
    for (size_t at = 0; at + BH_SENT_RECORD_BYTES <= size && at < 64 * BH_SENT_RECORD_BYTES;
         at += BH_SENT_RECORD_BYTES) {
        unsigned char bytes[BH_SENT_RECORD_BYTES];
        memcpy(bytes, data + at, sizeof(bytes));
        check(bytes, &table);
        bh_sent_record_sign(bytes);
        check(bytes, &table);
    }
    bh_sent_table_release(&table);
    return 0;
}
