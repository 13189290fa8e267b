/*
 * Whatever the bytes: either errors with places and sentences and no snapshot, or a snapshot within its
 * bounds; what it prints holds no secret and reads back to the same values; the succession from the
 * least configuration keeps its promises.
 *
 * Behind the first NUL byte the input is an environment, its entries separated by NULs.
 */
#include <stdint.h>
#include <string.h>

#include "../support/config_fixture.h"
#include "core/config.h"
#include "core/config_table.h"
#include "core/utf8.h"

#define VARIABLES_MAX 8

/* What must not show.  Inputs that hold it themselves are left alone: fuzzers learn the word from strstr. */
#define MARKER "Zq7-marker"
static struct fixture_file files[] = {
    {"/s", MARKER "-of-the-secret\n", 0, false},
    {NULL, NULL,                      0, false},
};

static void
check_report(const struct bh_config_report *report, enum bh_status status)
{
    BH_ASSERT(status == BH_OK || status == BH_EINVAL);
    BH_ASSERT(report->failed == BH_OK);
    BH_ASSERT((report->errors > 0) == (status == BH_EINVAL));
    BH_ASSERT(report->count <= BH_CONFIG_MESSAGES_MAX);
    for (size_t i = 0; i < report->count; i++) {
        struct bh_str text = bh_str_from(report->messages[i].text);
        BH_ASSERT(text.len > 10 && strlen(report->messages[i].where) > 0);
        BH_ASSERT(bh_utf8_is_valid(text) &&
                  bh_utf8_is_valid(bh_str_from(report->messages[i].where)));
        BH_ASSERT(strpbrk(text.ptr, "\n\r\t\x1B\x7F") == NULL);
        BH_ASSERT(strstr(text.ptr, MARKER) == NULL);
    }
}

static void
check_snapshot(const struct bh_config *config)
{
    BH_ASSERT(config->queues_count >= 1 && config->queues_count <= BH_CONFIG_QUEUES_MAX);
    BH_ASSERT(config->gateway.timeout_ms < config->pool.lease_ms);
    BH_ASSERT(config->redis.command_timeout_ms < config->pool.lease_ms);
    BH_ASSERT(config->gateway.reload_lock_ms < config->status.retention_ms);
    BH_ASSERT(config->gateway.api_key.len > 0 && config->gateway.zone != NULL);
    BH_ASSERT(config->pool.instance[0] != '\0' && config->redis.prefix[0] != '\0');
    for (size_t q = 0; q < config->queues_count; q++) {
        const struct bh_queue_config *queue = &config->queues[q];
        BH_ASSERT(queue->no == q && queue->name[0] != '\0' && queue->retry != NULL);
        BH_ASSERT(queue->on_uncertain != BH_ON_UNCERTAIN_DEFAULT);
        BH_ASSERT(bh_config_queue_get(config, bh_str_from(queue->name)) == queue);
    }
}

static enum bh_status
read_text(struct bh_str text, const char *const *environment, struct bh_config **ret_config)
{
    struct bh_config_report report = {0};
    struct bh_config_source source = fixture_source(text);
    source.files.arg = files;
    source.environment = environment;
    source.file_exposed = true;
    enum bh_status status = bh_config_read(&source, &report, ret_config);
    check_report(&report, status);
    bh_config_report_release(&report);
    return status;
}

/* Masks are refused when read, so each becomes some key; that of a secret's file goes. */
static void
unmask(struct bh_str text, struct bh_buf *out)
{
    struct bh_str line, origin = {NULL, 0};
    while (bh_str_split(&text, '\n', &line)) {
        const char *equals = line.len > 0 ? memchr(line.ptr, '=', line.len) : NULL;
        bool masked =
            equals != NULL &&
            bh_str_equal_text((struct bh_str){equals, (size_t)(line.ptr + line.len - equals)},
                              "= ********");
        bool from_file = bh_str_starts_with(origin, BH_STR_LITERAL("# content of "));
        if (!masked)
            bh_buf_append_str(out, line);
        else if (!from_file)
            bh_buf_printf(out, "%.*sx", (int)(line.len - 8), line.ptr);
        bh_buf_append_char(out, '\n');
        origin = line;
    }
}

static bool
is_secret_or_url(const char *key)
{
    return strstr(key, "_key") != NULL || strstr(key, "password") != NULL ||
           strstr(key, "_token") != NULL || strstr(key, "[redis] url") != NULL ||
           strstr(key, "proxy") != NULL;
}

/* Secrets, and URLs that may hold a login, are not shown as they are; everything else must survive. */
static void
check_print(const struct bh_config *config)
{
    struct bh_buf printed, plain;
    struct bh_config *again = NULL;
    bh_buf_init(&printed, SIZE_MAX / 2);
    bh_buf_init(&plain, SIZE_MAX / 2);
    BH_ASSERT(bh_config_print(config, &printed) == BH_OK);
    BH_ASSERT(strstr(bh_buf_text(&printed), MARKER) == NULL);
    unmask(bh_buf_str(&printed), &plain);
    BH_ASSERT(read_text(bh_buf_str(&plain), NULL, &again) == BH_OK);
    struct bh_config_diff diff;
    BH_ASSERT(bh_config_diff(config, again, &diff) == BH_OK);
    for (size_t i = 0; i < diff.count; i++)
        BH_ASSERT(is_secret_or_url(diff.changes[i].key));
    bh_config_diff_release(&diff);
    bh_config_release(again);
    bh_buf_release(&printed);
    bh_buf_release(&plain);
}

static void
check_succession(struct bh_config *fresh)
{
    struct bh_config *old = NULL;
    struct bh_config_report report = {0};
    BH_ASSERT(read_text(BH_STR_LITERAL("[gateway]\napi_key = k\n[queue first]\n"), NULL, &old) ==
              BH_OK);
    enum bh_status status = bh_config_succeed(fresh, old, &report);
    check_report(&report, status);
    if (status == BH_OK) {
        struct bh_config_diff diff;
        BH_ASSERT(fresh->pool.workers == old->pool.workers);
        BH_ASSERT(strcmp(fresh->redis.url, old->redis.url) == 0);
        BH_ASSERT(bh_config_diff(old, fresh, &diff) == BH_OK);
        BH_ASSERT(diff.restart_count == 0);
        bh_config_diff_release(&diff);
        for (size_t q = 0; q < fresh->queues_count; q++)
            BH_ASSERT((fresh->queues[q].no == 0) == (strcmp(fresh->queues[q].name, "first") == 0));
    }
    bh_config_report_release(&report);
    bh_config_release(old);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_buf input;
    for (size_t i = 0; i + 3 <= size; i++) {
        if (memcmp(data + i, MARKER, 3) == 0)
            return -1;
    }
    const char *environment[VARIABLES_MAX + 1] = {NULL};
    bh_buf_init(&input, SIZE_MAX / 2);
    BH_ASSERT(bh_buf_append(&input, data, size) == BH_OK); /* ends with a NUL that is not counted */
    const char *text = bh_buf_text(&input);
    struct bh_str file = bh_str_from(text);
    const char *next = text + file.len;
    for (size_t i = 0; i < VARIABLES_MAX && next < text + size; i++) {
        environment[i] = next + 1;
        next = environment[i] + strlen(environment[i]);
    }

    struct bh_config *config = NULL;
    if (read_text(file, environment, &config) == BH_OK) {
        check_snapshot(config);
        check_print(config);
        check_succession(config);
        bh_config_release(config);
    }
    bh_buf_release(&input);
    return 0;
}
