/*
 * A URL that can be read is formatted, and what was formatted reads as the same URL: same in every part
 * but the password, which is "***" then.  A sentence never shows a piece of the input.
 */
#include <stdint.h>
#include <string.h>

#include "core/redis_url.h"

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_same(const struct bh_redis_url *a, const struct bh_redis_url *b)
{
    BH_ASSERT(a->kind == b->kind && a->tls == b->tls && a->db == b->db);
    BH_ASSERT(a->hosts_count == b->hosts_count);
    for (size_t i = 0; i < a->hosts_count; i++)
        BH_ASSERT(same_text(a->hosts[i].name, b->hosts[i].name) &&
                  a->hosts[i].port == b->hosts[i].port);
    BH_ASSERT(same_text(a->path, b->path) && same_text(a->master, b->master));
    BH_ASSERT(same_text(a->username, b->username));
    BH_ASSERT(same_text(b->password, a->password != NULL ? "***" : NULL));
}

static void
check_bounds(const struct bh_redis_url *url)
{
    BH_ASSERT(url->hosts_count <= BH_REDIS_HOSTS_MAX);
    BH_ASSERT((url->hosts_count == 0) == (url->kind == BH_REDIS_UNIX));
    BH_ASSERT((url->path != NULL) == (url->kind == BH_REDIS_UNIX));
    BH_ASSERT((url->master != NULL) == (url->kind == BH_REDIS_SENTINEL));
    BH_ASSERT(url->path == NULL || strlen(url->path) <= BH_REDIS_PATH_MAX);
    BH_ASSERT(url->db >= 0);
    for (size_t i = 0; i < url->hosts_count; i++)
        BH_ASSERT(url->hosts[i].name[0] != '\0' && url->hosts[i].port > 0);
}

/* The sentences are fixed texts of ours. */
static void
check_refusal(const struct bh_error *error)
{
    BH_ASSERT(error->text[0] != '\0' && error->text[strlen(error->text) - 1] != '\n');
    BH_ASSERT(strcmp(error->field, "url") == 0);
    for (const char *at = error->text; *at != '\0'; at++)
        BH_ASSERT((unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_redis_url url, again;
    struct bh_error error = {0};
    struct bh_str text = {(const char *)bytes, len};
    enum bh_status status = bh_redis_url_parse(text, &url, &error);
    if (status == BH_EINVAL)
        check_refusal(&error);
    if (status != BH_OK)
        return 0;
    check_bounds(&url);

    /* Encoding may make it longer than a URL may be, threefold at most; then it is not read again. */
    struct bh_buf masked;
    bh_buf_init(&masked, (size_t)4 * BH_REDIS_URL_MAX);
    BH_ASSERT(bh_redis_url_format_masked(&url, &masked) == BH_OK);
    if (masked.len <= BH_REDIS_URL_MAX) {
        BH_ASSERT(bh_redis_url_parse(bh_buf_str(&masked), &again, &error) == BH_OK);
        check_same(&url, &again);
        bh_redis_url_release(&again);
    }
    bh_buf_release(&masked);
    bh_redis_url_release(&url);
    return 0;
}
