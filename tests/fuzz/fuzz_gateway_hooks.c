/*
 * First byte: how the exchange went; the rest: the body, also taken as a URL, and what follows its first line feed as a token.
 *
 * Properties: only a whole 2xx gives a list or an id, a list's texts lie within the body's length and are never NULL, what is said to
 * people is there exactly when something went wrong and is printable, reading twice gives the same, we find ourselves in a list
 * exactly when an entry has our URL, and a masked URL does not hold the token.
 */
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "core/gateway_hooks.h"
#include "core/webhook_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

#define ADDRESS   "https://sms.example/webhook/tok"
#define TOKEN_MAX ((size_t)40)

static void
check_told(const struct bh_hooks_answer *answer, const struct bh_exchange *exchange)
{
    bool done = answer->result == BH_HOOKS_DONE;
    REQUIRE((answer->error[0] == '\0') == done);
    for (const char *c = answer->error; *c != '\0'; c++)
        REQUIRE((unsigned char)*c >= 0x20 && *c != 0x7f);
    REQUIRE(strspn(answer->id, "0123456789") == strlen(answer->id));
    REQUIRE(done || (answer->count == 0 && answer->id[0] == '\0'));
    REQUIRE(!done || (exchange->http_status >= 200 && exchange->http_status <= 299 &&
                      exchange->headers_complete && exchange->body_complete));
    REQUIRE(answer->code == 0 || (answer->code >= 10 && answer->code <= 999));
    REQUIRE(answer->code == 0 || answer->result == BH_HOOKS_REFUSED);
    REQUIRE((bh_hooks_advice(answer)[0] == '\0') || !done);
}

static void
check_list(const struct bh_hooks_answer *answer, const struct bh_exchange *exchange)
{
    bool wanted = false;
    for (size_t i = 0; i < answer->count; i++) {
        const struct bh_gateway_hook *hook = &answer->hooks[i];
        REQUIRE(strspn(hook->id, "0123456789") == strlen(hook->id));
        REQUIRE(hook->url[0] != '\0' && strlen(hook->url) <= exchange->body.len);
        REQUIRE(hook->event[0] != '\0' && hook->method != NULL && hook->created != NULL);
        REQUIRE(hook->filter == NULL || hook->filter[0] != '\0');
        wanted = wanted || (hook->enabled && hook->filter == NULL &&
                            strcmp(hook->url, ADDRESS) == 0 && strcmp(hook->event, "dlr") == 0);
    }
    struct bh_hooks_found found = bh_hooks_find(answer, ADDRESS, "dlr");
    REQUIRE(!wanted || found.fit == BH_HOOKS_FIT_GOOD);
    REQUIRE((found.good > 0) == (found.fit == BH_HOOKS_FIT_GOOD) && found.good <= answer->count);
    REQUIRE((found.hook == NULL) == (found.fit == BH_HOOKS_FIT_NONE));
}

static bool
contains(struct bh_str text, struct bh_str piece)
{
    for (size_t i = 0; i + piece.len <= text.len; i++)
        if (memcmp(text.ptr + i, piece.ptr, piece.len) == 0)
            return true;
    return false;
}

/* The mask itself may hold a token that is made of stars; a shorter one may arise from what is left on both sides of it. */
static bool
is_telling(struct bh_str token)
{
    return token.len >= 6 && memchr(token.ptr, '*', token.len) == NULL;
}

static void
check_address(struct bh_str text)
{
    struct bh_str url, token = text;
    struct bh_buf address, masked;
    if (!bh_str_split(&token, '\n', &url) || token.ptr == NULL || token.len > TOKEN_MAX)
        return;
    bh_buf_init(&address, BH_WEBHOOK_ADDRESS_MAX);
    bh_buf_init(&masked, 4 * BH_WEBHOOK_ADDRESS_MAX);
    enum bh_status status = bh_webhook_address(url, token, &address);
    REQUIRE((status == BH_EINVAL) == (url.len == 0 || token.len == 0));
    if (status == BH_OK) {
        struct bh_str made = bh_buf_str(&address);
        REQUIRE(made.len >= url.len - (url.len > 0 ? 1 : 0));
        REQUIRE(bh_webhook_is_same(made, made) && !bh_webhook_is_former(made, made));
        REQUIRE(bh_webhook_mask(made, token, &masked) == BH_OK);
        REQUIRE(!is_telling(token) || !contains(bh_buf_str(&masked), token));
    }
    bh_buf_release(&address);
    bh_buf_release(&masked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 0, 201, 302, 403, 503};
    if (size == 0)
        return 0;
    uint8_t choice = data[0];
    struct bh_exchange exchange = {
        .handed_over = BH_HANDED_ALL,
        .trouble = BH_TROUBLE_TIMEOUT,
        .http_status = statuses[choice >> 5],
        .headers_complete = choice != 64,
        .body_complete = choice != 65,
        .retry_after_ms = -1,
        .body = {(const char *)data + 1, size - 1},
    };
    struct bh_hooks_answer list, again, change;
    REQUIRE(bh_hooks_read_list(&exchange, &list) == BH_OK);
    REQUIRE(bh_hooks_read_list(&exchange, &again) == BH_OK);
    REQUIRE(bh_hooks_read_change(&exchange, &change) == BH_OK);
    check_told(&list, &exchange);
    check_told(&change, &exchange);
    check_list(&list, &exchange);
    REQUIRE(list.result == again.result && list.count == again.count && list.code == again.code &&
            strcmp(list.error, again.error) == 0);
    REQUIRE((list.code != 0) == (change.code != 0));
    bh_hooks_answer_release(&list);
    bh_hooks_answer_release(&again);
    bh_hooks_answer_release(&change);
    check_address(exchange.body);
    return 0;
}
