#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mask.h"
#include "core/zone.h"
#include "daemon/clock.h"

/* Room for twelve values of BH_LOG_VALUE_MAX bytes with every byte escaped: no line is ever too long. */
#define LINE_BYTES_MAX ((size_t)12 * 6 * BH_LOG_VALUE_MAX)

static atomic_int current_level = BH_LOG_INFO;
static atomic_int current_format = BH_LOG_TEXT;
static atomic_int current_offset_s;
static atomic_bool masking = true;
static bool to_journal;

void
bh_log_open(void)
{
    /* JOURNAL_STREAM names device and inode of the journal's end of standard error, see systemd.exec(5). */
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat stat_now;
    if (stream == NULL || fstat(STDERR_FILENO, &stat_now) != 0)
        return;
    char text[64];
    snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)stat_now.st_dev,
             (unsigned long long)stat_now.st_ino);
    to_journal = strcmp(stream, text) == 0;
}

void
bh_log_configure(const struct bh_config *config)
{
    atomic_store(&current_level, (int)config->log.level);
    atomic_store(&current_format, (int)config->log.format);
    atomic_store(&masking, config->log.mask);
    atomic_store(&current_offset_s, (int)bh_zone_offset_s(config->gateway.zone, bh_clock_wall()));
}

bool
bh_log_wants(enum bh_log_level level)
{
    return (int)level <= atomic_load(&current_level);
}

static void
write_all(struct bh_str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(STDERR_FILENO, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        /* A log that nobody can take (full disk, closed pipe) does not stop messages. */
        if (written <= 0)
            return;
        bytes.ptr += written;
        bytes.len -= (size_t)written;
    }
}

static void
emit(enum bh_log_level level, const char *event, const struct bh_log_field *fields,
     size_t fields_count, const char *text)
{
    const struct bh_log_line line = {
        .level = level,
        .at = bh_clock_wall(),
        .zone_offset_s = atomic_load(&current_offset_s),
        .event = event,
        .message = bh_str_from(text),
        .fields = fields,
        .fields_count = fields_count,
    };
    struct bh_buf buf;
    bh_buf_init(&buf, LINE_BYTES_MAX);
    enum bh_log_format format = (enum bh_log_format)atomic_load(&current_format);
    if (bh_log_line_format(&line, format, to_journal, &buf) == BH_OK)
        write_all(bh_buf_str(&buf));
    bh_buf_release(&buf);
}

void
bh_log_write(enum bh_log_level level, const char *event, const struct bh_log_field *fields,
             size_t fields_count, const char *format, ...)
{
    if (!bh_log_wants(level))
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    emit(level, event, fields, fields_count, text);
}

void
bh_log_note(const struct bh_note *note, unsigned worker)
{
    if (!bh_log_wants(note->level))
        return;
    struct bh_log_field fields[12];
    size_t count = 0;
    bool masked = atomic_load(&masking);
    struct bh_masked mask = bh_mask_msisdn(bh_str_from(note->to));
    if (note->queue != NULL)
        fields[count++] = bh_log_text("queue", note->queue);
    if (note->id != NULL)
        fields[count++] = bh_log_text("job", note->id);
    if (note->to != NULL)
        fields[count++] = bh_log_text("to", masked ? mask.text : note->to);
    if (note->to_more > 0)
        fields[count++] = bh_log_int("to_more", (int64_t)note->to_more);
    if (note->attempt > 0)
        fields[count++] = bh_log_int("attempt", note->attempt);
    if (note->code != 0)
        fields[count++] = bh_log_int("code", note->code);
    if (note->http_status != 0)
        fields[count++] = bh_log_int("http", note->http_status);
    if (note->reason != NULL && note->reason[0] != '\0')
        fields[count++] = bh_log_text("reason", note->reason);
    if (note->took_ms >= 0)
        fields[count++] = bh_log_duration("took", note->took_ms);
    fields[count++] = bh_log_int("worker", worker);

    char text[1024];
    bool open = note->detail != NULL && !masked;
    const char *happened = open ? note->detail : note->text;
    bool more = note->next != NULL && note->next[0] != '\0';
    /* Some sentences come with a full stop, which does not go before more. */
    size_t len = strlen(happened);
    if (more && len > 0 && happened[len - 1] == '.')
        len--;
    snprintf(text, sizeof(text), "%.*s%s%s", (int)len, happened, more ? "; " : "",
             more ? note->next : "");
    emit(note->level, note->event, fields, count, text);
}
