/*
 * A record that is read, written down again and read once more gives the same values; the memo is the rest
 * behind the first line feed, byte for byte; and a refused record leaves the output alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/job_head.h"

static int
write_line(const struct bh_job_head *head, char *line, size_t size)
{
    const char *reason = bh_reason_name(head->reason);
    return snprintf(line, size, "1 %c %s %lu %lu o 1 %lld %lld %lld %lld %lld %s\n",
                    (char)head->waiting, reason[0] != '\0' ? reason : "-",
                    (unsigned long)head->attempts, (unsigned long)head->recoveries,
                    (long long)head->started.ms, (long long)head->created.ms,
                    (long long)head->due.ms, (long long)head->expires.ms,
                    (long long)head->uncertain_since.ms, head->id);
}

static void
check_again(const struct bh_job_head *head)
{
    char line[512];
    struct bh_job_head again;
    int len = write_line(head, line, sizeof(line));
    BH_ASSERT(len > 0 && (size_t)len < sizeof(line));
    BH_ASSERT(bh_job_head_parse((struct bh_str){line, (size_t)len}, &again) == BH_OK);
    BH_ASSERT(again.waiting == head->waiting && again.reason == head->reason);
    BH_ASSERT(again.attempts == head->attempts && again.recoveries == head->recoveries);
    BH_ASSERT(again.started.ms == head->started.ms && again.created.ms == head->created.ms);
    BH_ASSERT(again.due.ms == head->due.ms && again.expires.ms == head->expires.ms);
    BH_ASSERT(again.uncertain_since.ms == head->uncertain_since.ms);
    BH_ASSERT(strcmp(again.id, head->id) == 0 && again.memo.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct bh_job_head head, before;
    memset(&before, 0x5a, sizeof(before));
    memcpy(&head, &before, sizeof(head));
    if (bh_job_head_parse((struct bh_str){text, size}, &head) != BH_OK) {
        BH_ASSERT(memcmp(&head, &before, sizeof(head)) == 0);
        return 0;
    }
    const char *end = memchr(text, '\n', size);
    BH_ASSERT(end != NULL && head.memo.ptr == end + 1 &&
              head.memo.len == size - (size_t)(end + 1 - text));
    BH_ASSERT(head.started.ms >= 0 && head.created.ms >= 0 && head.due.ms >= 0);
    BH_ASSERT(head.expires.ms >= 0 && head.uncertain_since.ms >= 0);
    check_again(&head);
    return 0;
}
