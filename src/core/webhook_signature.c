#include "core/webhook_signature.h"

#include <string.h>

#include "core/ascii.h"
#include "core/buf.h"
#include "core/digest.h"

#define URL_MAX ((size_t)48 * 1024)

/* From the path on, which is "/" when none is written; without a query. */
static struct bh_str
path_of(struct bh_str url)
{
    size_t at = 0;
    while (at + 3 <= url.len && memcmp(url.ptr + at, "://", 3) != 0)
        at++;
    at = at + 3 <= url.len ? at + 3 : 0;
    while (at < url.len && url.ptr[at] != '/')
        at++;
    return at < url.len ? (struct bh_str){url.ptr + at, url.len - at} : BH_STR_LITERAL("/");
}

static struct bh_str
without_query(struct bh_str url)
{
    const char *mark = url.len > 0 ? memchr(url.ptr, '?', url.len) : NULL;
    return mark != NULL ? (struct bh_str){url.ptr, (size_t)(mark - url.ptr)} : url;
}

/* *ret_same is only ever set. */
static enum bh_status
try_url(struct bh_str key, const struct bh_webhook_signed *request, int64_t timestamp_s,
        struct bh_str base, bool *ret_same)
{
    char signature[BH_SIGNATURE_BYTES];
    struct bh_buf url;
    bh_buf_init(&url, URL_MAX);
    bh_buf_append_str(&url, base);
    if (request->query.len > 0) {
        bh_buf_append_char(&url, '?');
        bh_buf_append_str(&url, request->query);
    }
    enum bh_status status = bh_buf_status(&url);
    if (status == BH_OK) {
        const struct bh_signing_parts parts = {
            .timestamp_s = timestamp_s,
            .nonce = request->nonce,
            .method = request->method,
            .url = bh_buf_str(&url),
            .body = request->body,
        };
        status = bh_signing_sign(key, &parts, signature);
    }
    bh_buf_release(&url);
    if (status == BH_OK && bh_secret_equal(bh_str_from(signature), request->signature))
        *ret_same = true;
    return status;
}

/* Plain decimal seconds; a sign or a leading zero would be another text under the same number. */
static bool
read_timestamp(struct bh_str text, int64_t *ret_seconds)
{
    return text.len > 0 && text.len <= 12 && bh_is_digit(text.ptr[0]) &&
           (text.ptr[0] != '0' || text.len == 1) && bh_str_to_int64(text, ret_seconds);
}

enum bh_status
bh_webhook_verify(struct bh_str key, const struct bh_webhook_signed *request, struct bh_wall now,
                  enum bh_webhook_proof *ret_proof)
{
    int64_t timestamp_s;
    bool same = false;
    struct bh_str url = without_query(request->url);
    if (!read_timestamp(request->timestamp, &timestamp_s) ||
        !bh_signing_nonce_is_valid(request->nonce) ||
        request->signature.len != BH_SIGNATURE_BYTES - 1) {
        *ret_proof = BH_WEBHOOK_UNSIGNED;
        return BH_OK;
    }
    int64_t apart_ms = timestamp_s * BH_SECOND_MS - now.ms;
    if (apart_ms > BH_WEBHOOK_WINDOW_MS || apart_ms < -BH_WEBHOOK_WINDOW_MS) {
        *ret_proof = BH_WEBHOOK_WRONG_TIME;
        return BH_OK;
    }
    enum bh_status status = try_url(key, request, timestamp_s, url, &same);
    if (status == BH_OK && !same)
        status = try_url(key, request, timestamp_s, path_of(url), &same);
    if (status == BH_OK)
        *ret_proof = same ? BH_WEBHOOK_GENUINE : BH_WEBHOOK_FORGED;
    return status;
}

const char *
bh_webhook_proof_text(enum bh_webhook_proof proof)
{
    switch (proof) {
    case BH_WEBHOOK_GENUINE: return "";
    case BH_WEBHOOK_UNSIGNED: return "it is not signed";
    case BH_WEBHOOK_WRONG_TIME:
        return "its time is more than five minutes away from this machine's clock";
    case BH_WEBHOOK_FORGED:
        return "the signature does not fit to [gateway] signing_key and [http] webhook_url";
    }
    return "";
}

/* ---- nonces ---- */

/* FNV-1a; nobody can choose nonces who does not have the key. */
static size_t
row_of(struct bh_str nonce)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < nonce.len; i++)
        hash = (hash ^ (unsigned char)nonce.ptr[i]) * 16777619u;
    return hash % BH_NONCE_ROWS;
}

bool
bh_nonce_memory_has(const struct bh_nonce_memory *memory, struct bh_str nonce, struct bh_wall now)
{
    BH_ASSERT(nonce.len == BH_NONCE_LEN);
    size_t at = row_of(nonce);
    return memory->rows[at].until_ms >= now.ms &&
           memcmp(memory->rows[at].nonce, nonce.ptr, BH_NONCE_LEN) == 0;
}

void
bh_nonce_memory_add(struct bh_nonce_memory *memory, struct bh_str nonce, struct bh_wall now)
{
    BH_ASSERT(nonce.len == BH_NONCE_LEN);
    size_t at = row_of(nonce);
    memcpy(memory->rows[at].nonce, nonce.ptr, BH_NONCE_LEN);
    /* A signature may be good for the whole window from now on, and another one if its time is ahead. */
    memory->rows[at].until_ms = now.ms + 2 * BH_WEBHOOK_WINDOW_MS;
}
