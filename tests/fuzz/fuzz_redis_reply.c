/*
 * However the bytes of a server are cut into pieces, the same replies come out, and then the same verdict;
 * and no reply has more elements, levels or bytes than the limits allow.
 *
 * The first byte of the input is the size of the pieces.
 */
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <string.h>

#include "redis/reply_reader.h"

#define BYTES_MAX    ((size_t)100000)
#define ELEMENTS_MAX ((size_t)200)

/* What came out: counts, and a digest of all types and bytes. */
struct account {
    size_t replies;
    size_t elements;
    uint64_t digest;
    bool refused;
};

static void
digest_bytes(struct account *account, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        account->digest = (account->digest ^ at[i]) * 0x100000001b3u;
}

static void
look_at(struct account *account, const struct redisReply *reply, unsigned depth, size_t *elements)
{
    digest_bytes(account, &reply->type, sizeof(reply->type));
    switch (reply->type) {
    case REDIS_REPLY_ARRAY:
        BH_ASSERT(depth < BH_REPLY_DEPTH_MAX);
        *elements += reply->elements;
        for (size_t i = 0; i < reply->elements; i++)
            look_at(account, reply->element[i], depth + 1, elements);
        break;
    case REDIS_REPLY_INTEGER: digest_bytes(account, &reply->integer, sizeof(reply->integer)); break;
    case REDIS_REPLY_NIL: break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        BH_ASSERT(reply->len <= BYTES_MAX && reply->str[reply->len] == '\0');
        digest_bytes(account, reply->str, reply->len);
        break;
    default: BH_ASSERT(false && "a type that RESP2 does not have");
    }
}

static struct account
read_in_pieces(const char *bytes, size_t len, size_t piece)
{
    struct bh_reply_limits limits = {.bytes_max = BYTES_MAX, .elements_max = ELEMENTS_MAX};
    struct bh_reply_reader reader;
    struct account account = {.digest = 1};
    BH_ASSERT(bh_reply_reader_init(&reader, &limits) == BH_OK);
    for (size_t at = 0; at < len && !account.refused; at += piece) {
        struct redisReply *reply = NULL;
        enum bh_status status =
            bh_reply_reader_feed(&reader, bytes + at, len - at < piece ? len - at : piece);
        BH_ASSERT(status == BH_OK);
        while ((status = bh_reply_reader_next(&reader, &reply)) == BH_OK && reply != NULL) {
            size_t elements = 0;
            account.replies++;
            look_at(&account, reply, 0, &elements);
            BH_ASSERT(elements <= ELEMENTS_MAX);
            bh_redis_reply_free(reply);
        }
        account.refused = status != BH_OK;
        BH_ASSERT(!account.refused || bh_reply_reader_error(&reader)[0] != '\0');
    }
    bh_reply_reader_release(&reader);
    return account;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    /* Below the bound on bytes, which depends on the pieces by design. */
    if (len < 2 || len > BH_REPLY_LINE_MAX)
        return 0;
    const char *text = (const char *)bytes + 1;
    struct account whole = read_in_pieces(text, len - 1, len);
    struct account cut = read_in_pieces(text, len - 1, (size_t)bytes[0] + 1);
    BH_ASSERT(whole.replies == cut.replies && whole.digest == cut.digest);
    BH_ASSERT(whole.refused == cut.refused);
    return 0;
}
