/*
 * The simulator's request reader and all of its endpoints behind it, without sockets.
 *
 * Properties: where a request ends and what it says does not depend on the pieces it came in; a body stays
 * within its bound; every endpoint answers with a status that it knows; what calls itself JSON and is an
 * object or array can be read back.
 *
 * Links bh_sim (the simulator's library), not the worker's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/http.h"
#include "sim/json.h"
#include "sim/router.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

static size_t
read_request(struct bh_sim_http *http, const char *bytes, size_t len, size_t piece)
{
    size_t used = 0;
    bh_sim_http_reset(http);
    while (used < len && http->state != BH_SIM_HTTP_DONE && http->state != BH_SIM_HTTP_BAD) {
        size_t offered = len - used < piece ? len - used : piece;
        used += bh_sim_http_feed(http, bytes + used, offered);
    }
    if (http->state == BH_SIM_HTTP_HEAD_DONE)
        bh_sim_http_feed(http, "", 0);
    return used;
}

static void
compare(const struct bh_sim_http *a, const struct bh_sim_http *b)
{
    CHECK(a->state == b->state);
    CHECK(a->status == b->status);
    if (a->state != BH_SIM_HTTP_DONE)
        return;
    CHECK(bh_sim_str_equal(a->method, b->method));
    CHECK(bh_sim_str_equal(a->path, b->path));
    CHECK(bh_sim_str_equal(a->query, b->query));
    CHECK(a->headers_count == b->headers_count);
    CHECK(bh_sim_str_equal(bh_sim_buf_view(&a->body), bh_sim_buf_view(&b->body)));
    CHECK(a->body.len <= BH_SIM_HTTP_BODY_MAX);
}

static void
answer(struct bh_sim_world *world, struct bh_sim_http *http)
{
    static const int known[] = {200, 400, 404, 405};
    struct bh_sim_exchange exchange = {.http = http, .peer = "127.0.0.1"};
    bool is_known = false;
    world->config.allow[0] = '\0'; /* or names in it would be looked up */
    bh_sim_exchange_clear(&exchange);
    bh_sim_exchange_open(world, &exchange);
    bh_sim_route(world, &exchange);
    for (size_t at = 0; at < sizeof known / sizeof known[0]; at++)
        is_known = is_known || exchange.answer.status == known[at];
    CHECK(is_known);
    struct bh_sim_str body = bh_sim_buf_view(&exchange.answer.body);
    bool structured = body.len > 0 && (body.ptr[0] == '{' || body.ptr[0] == '[');
    if (structured && exchange.answer.content_type == BH_SIM_TYPE_JSON) {
        struct bh_sim_params params = {0};
        bool has_nul = bh_sim_str_contains(body, BH_SIM_STR("\\u0000")); /* our reader refuses it */
        CHECK(has_nul || bh_sim_json_add(&params, body));
        bh_sim_params_release(&params);
    }
    bh_sim_exchange_release(&exchange);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char ini[] = "[gateway]\njournal_max = 20\ncounters_max = 50\nlocks_max = 50\n"
                              "[contacts]\nAnna = 01711111111\n[groups]\nAll = Anna, 0172222222\n";
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data;
    struct bh_sim_http whole = {0}, pieces = {0};
    struct bh_sim_world world;
    struct bh_error error;
    CHECK(bh_sim_world_init(&world, ini, &error));

    /* Pipelined requests, one after the other, against one world. */
    for (size_t at = 0; at < size;) {
        size_t used = read_request(&whole, bytes + at, size - at, size);
        size_t used_in_pieces = read_request(&pieces, bytes + at, size - at, 1 + data[0] % 7);
        compare(&whole, &pieces);
        if (whole.state != BH_SIM_HTTP_DONE)
            break;
        CHECK(used == used_in_pieces && used > 0);
        answer(&world, &whole);
        at += used;
    }
    bh_sim_http_release(&whole);
    bh_sim_http_release(&pieces);
    bh_sim_world_release(&world);
    return 0;
}
