#include "sim/signing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static void
to_hex(const unsigned char *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t at = 0; at < len; at++) {
        ret_hex[2 * at] = digits[bytes[at] >> 4];
        ret_hex[2 * at + 1] = digits[bytes[at] & 15];
    }
    ret_hex[2 * len] = '\0';
}

void
bh_sim_md5_hex(struct bh_sim_str text, char ret_hex[BH_SIM_MD5_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    /* Fails only where MD5 is forbidden (FIPS); then no signature can be right, and zeros are never one. */
    if (EVP_Digest(text.ptr, text.len, digest, &len, EVP_md5(), NULL) != 1 || len != 16)
        memset(digest, 0, 16);
    to_hex(digest, 16, ret_hex);
}

void
bh_sim_signing_make(const char *key, const struct bh_sim_signed *parts,
                    char ret_hex[BH_SIM_SIGNATURE_HEX])
{
    char body_hex[BH_SIM_MD5_HEX];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct bh_sim_buf text = {0};
    bh_sim_md5_hex(parts->body, body_hex);
    bh_sim_buf_str(&text, parts->timestamp);
    bh_sim_buf_char(&text, '\n');
    bh_sim_buf_str(&text, parts->nonce);
    bh_sim_buf_char(&text, '\n');
    bh_sim_buf_str(&text, parts->method);
    bh_sim_buf_char(&text, '\n');
    bh_sim_buf_str(&text, parts->url);
    bh_sim_buf_char(&text, '\n');
    bh_sim_buf_text(&text, body_hex);
    if (HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text.ptr, text.len, digest,
             &len) == NULL)
        memset(digest, 0, 32);
    to_hex(digest, 32, ret_hex);
    bh_sim_buf_release(&text);
}

void
bh_sim_signing_nonce(uint64_t *dice, char ret_nonce[BH_SIM_NONCE_LEN + 1])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t at = 0; at < BH_SIM_NONCE_LEN; at++)
        ret_nonce[at] = letters[bh_sim_dice_next(dice) % (sizeof letters - 1)];
    ret_nonce[BH_SIM_NONCE_LEN] = '\0';
}

static bool
is_nonce(struct bh_sim_str nonce)
{
    for (size_t at = 0; at < nonce.len; at++) {
        char c = nonce.ptr[at];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return nonce.len == BH_SIM_NONCE_LEN;
}

/* The URL as the client wrote it: what stands in front of the path comes from Host, or from the config. */
static void
append_url(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_buf *buf)
{
    if (bh_sim_str_starts(exchange->http->target, "http://")) {
        bh_sim_buf_str(buf, exchange->http->target);
        return;
    }
    if (world->config.public_url[0] != '\0') {
        bh_sim_buf_text(buf, world->config.public_url);
    } else {
        bh_sim_buf_text(buf, "http://");
        bh_sim_buf_str(buf, exchange->http->host);
    }
    bh_sim_buf_str(buf, exchange->http->target);
}

static bool
is_fresh(struct bh_sim_world *world, struct bh_sim_str timestamp, struct bh_sim_str nonce)
{
    int64_t seconds, now_ms = bh_sim_now_ms(world);
    if (!bh_sim_str_to_int(timestamp, &seconds) || seconds < 0 || seconds > INT64_MAX / 2000)
        return false;
    int64_t age_s = now_ms / 1000 - seconds;
    if (age_s > BH_SIM_SIGNING_AGE_S || age_s < -BH_SIM_SIGNING_AGE_S)
        return false;
    struct bh_sim_table_key key = bh_sim_table_key(nonce, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    struct bh_sim_table_entry *entry = bh_sim_table_find(&world->nonces, key);
    return entry == NULL || entry->until_ms <= now_ms;
}

static void
remember_nonce(struct bh_sim_world *world, struct bh_sim_str nonce)
{
    int64_t now_ms = bh_sim_now_ms(world);
    struct bh_sim_table_key key = bh_sim_table_key(nonce, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    struct bh_sim_table_entry *entry = bh_sim_table_put(&world->nonces, key, now_ms);
    if (entry != NULL)
        entry->until_ms = now_ms + 2 * BH_SIM_SIGNING_AGE_S * 1000 + 1000;
}

static struct bh_sim_str
header_value(const struct bh_sim_exchange *exchange, const char *name)
{
    const struct bh_sim_header *header = bh_sim_http_header(exchange->http, name);
    return header != NULL ? header->value : BH_SIM_STR_EMPTY;
}

bool
bh_sim_signing_check(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str signature = header_value(exchange, "x-signature");
    struct bh_sim_signed parts = {
        .timestamp = header_value(exchange, "x-timestamp"),
        .nonce = header_value(exchange, "x-nonce"),
        .method = exchange->http->method,
        .body = bh_sim_buf_view(&exchange->http->body),
    };
    if (world->config.signing == BH_SIM_SIGNING_OFF)
        return true;
    if (signature.len == 0)
        return world->config.signing != BH_SIM_SIGNING_REQUIRED;
    if (signature.len != BH_SIM_SIGNATURE_HEX - 1 || !is_nonce(parts.nonce) ||
        !is_fresh(world, parts.timestamp, parts.nonce))
        return false;

    char wanted[BH_SIM_SIGNATURE_HEX];
    struct bh_sim_buf url = {0};
    append_url(world, exchange, &url);
    parts.url = bh_sim_buf_view(&url);
    bh_sim_signing_make(world->config.signing_key, &parts, wanted);
    bh_sim_buf_release(&url);
    if (CRYPTO_memcmp(wanted, signature.ptr, signature.len) != 0)
        return false;
    remember_nonce(world, parts.nonce);
    return true;
}
