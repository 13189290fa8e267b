#include "core/signing.h"

#include <string.h>

#include "core/ascii.h"
#include "core/buf.h"
#include "core/digest.h"

/* The URL is the only part without a fixed length; the body enters as its digest. */
#define SIGNED_TEXT_MAX ((size_t)64 * 1024)

enum bh_status
bh_signing_sign(struct bh_str key, const struct bh_signing_parts *parts,
                char ret_signature[BH_SIGNATURE_BYTES])
{
    struct bh_digest body_md5;
    enum bh_status status = bh_md5_hex(parts->body, &body_md5);
    if (status != BH_OK)
        return status;

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
    bh_buf_append_text(&text, body_md5.hex);

    struct bh_sha256_hex mac;
    status = bh_buf_status(&text);
    if (status == BH_OK)
        status = bh_hmac_sha256_hex(key, bh_buf_str(&text), &mac);
    if (status == BH_OK)
        memcpy(ret_signature, mac.hex, sizeof(mac.hex));
    bh_buf_release(&text);
    return status;
}

bool
bh_signing_nonce_is_valid(struct bh_str nonce)
{
    if (nonce.len != BH_NONCE_LEN)
        return false;
    for (size_t i = 0; i < nonce.len; i++) {
        if (!bh_is_alnum(nonce.ptr[i]))
            return false;
    }
    return true;
}
