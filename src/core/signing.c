#include "core/signing.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "core/buf.h"

/* The URL is the only part without a fixed length; the body enters as its digest. */
#define SIGNED_TEXT_MAX ((size_t)64 * 1024)

static void
to_hex(const unsigned char *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

static bool
md5_hex(struct bh_str body, char ret_text[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(body.ptr != NULL ? body.ptr : "", body.len, digest, &len, EVP_md5(), NULL) != 1)
        return false;
    if (len != 16)
        return false;
    to_hex(digest, len, ret_text);
    return true;
}

static enum bh_status
hmac_hex(struct bh_str key, struct bh_str text, char ret_signature[BH_SIGNATURE_BYTES])
{
    if (key.len > INT_MAX)
        return BH_EINVAL;
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (HMAC(EVP_sha256(), key.ptr != NULL ? key.ptr : "", (int)key.len,
             (const unsigned char *)text.ptr, text.len, mac, &len) == NULL)
        return BH_ENOMEM;
    BH_ASSERT(len == 32);
    to_hex(mac, len, ret_signature);
    return BH_OK;
}

enum bh_status
bh_signing_sign(struct bh_str key, const struct bh_signing_parts *parts,
                char ret_signature[BH_SIGNATURE_BYTES])
{
    char body_md5[33];
    if (!md5_hex(parts->body, body_md5))
        return BH_ENOMEM;

    struct bh_buf text;
    bh_buf_init(&text, SIGNED_TEXT_MAX);
    bh_buf_append_int(&text, parts->timestamp_s);
    bh_buf_append_char(&text, '\n');
    bh_buf_append_str(&text, parts->nonce);
    bh_buf_append_char(&text, '\n');
    bh_buf_append_str(&text, parts->method);
    bh_buf_append_char(&text, '\n');
    bh_buf_append_str(&text, parts->url);
    bh_buf_append_char(&text, '\n');
    bh_buf_append_text(&text, body_md5);

    enum bh_status status = bh_buf_status(&text);
    if (status == BH_OK)
        status = hmac_hex(key, bh_buf_str(&text), ret_signature);
    bh_buf_release(&text);
    return status;
}

bool
bh_signing_nonce_is_valid(struct bh_str nonce)
{
    if (nonce.len != BH_NONCE_LEN)
        return false;
    for (size_t i = 0; i < nonce.len; i++) {
        char c = nonce.ptr[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!ok)
            return false;
    }
    return true;
}
