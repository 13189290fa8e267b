/* What the API is asked: first line the method's letter, then path, query and host, a line each. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base.h"
#include "core/job_word.h"
#include "http/api_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bh_str
next_line(struct bh_str *rest)
{
    struct bh_str line;
    return bh_str_split(rest, '\n', &line) ? line : (struct bh_str){"", 0};
}

static bool
is_queue(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name) &&
           strlen(name) <= BH_API_QUEUE_MAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_str rest = {size > 0 ? (const char *)data : "", size};
    struct bh_str method = next_line(&rest);
    struct bh_http_request request = {.path = next_line(&rest), .query = next_line(&rest)};
    struct bh_str host = next_line(&rest);
    struct bh_api_route route;
    request.method = bh_str_equal_text(method, "P")   ? BH_HTTP_POST
                     : bh_str_equal_text(method, "H") ? BH_HTTP_HEAD
                                                      : BH_HTTP_GET;
    bh_api_route_parse(&request, &route);
    BH_ASSERT(is_queue(route.queue));
    BH_ASSERT(route.id[0] == '\0' || bh_job_is_word(bh_str_from(route.id), BH_API_ID_MAX));
    BH_ASSERT(strspn(route.cursor, "0123456789 ") == strlen(route.cursor));
    BH_ASSERT((route.why != NULL) == (route.kind == BH_API_BAD));
    BH_ASSERT((route.allow != NULL) == (route.kind == BH_API_NOT_ALLOWED));
    /* Nothing is changed by looking. */
    BH_ASSERT(!bh_api_is_change(route.kind) || request.method == BH_HTTP_POST);
    BH_ASSERT(!bh_api_is_own_host(host, bh_str_from("")) || host.len > 0);
    return 0;
}
