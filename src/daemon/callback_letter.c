#include "daemon/callback_letter.h"

#include <stdio.h>

#include "daemon/clock.h"
#include "redis/reply_view.h"

bool
bh_callback_letter_read(const struct redisReply *reply,
                        struct bh_callback_field fields[BH_CALLBACK_FIELDS_MAX],
                        struct bh_callback_source *source)
{
    source->fields = fields;
    source->fields_count = 0;
    for (size_t i = 0;
         i + 1 < bh_reply_count(reply) && source->fields_count < BH_CALLBACK_FIELDS_MAX; i += 2) {
        struct bh_callback_field *field = &fields[source->fields_count];
        if (!bh_reply_str(reply, i, &field->name) || !bh_reply_str(reply, i + 1, &field->value))
            return false;
        source->fields_count++;
    }
    return true;
}

struct bh_str
bh_callback_letter_url(const struct bh_callback_source *source)
{
    for (size_t i = 0; i < source->fields_count; i++) {
        if (bh_str_equal_text(source->fields[i].name, "callback_url"))
            return source->fields[i].value;
    }
    return (struct bh_str){NULL, 0};
}

static enum bh_status
send_body(struct bh_webpost *post, struct bh_str url, struct bh_str body,
          const struct bh_digest *delivery, const struct bh_config_secret *key, void *tag)
{
    char name[64], signature[BH_CALLBACK_SIGNATURE_MAX], address[2100];
    const char *headers[] = {name, NULL, NULL};
    (void)snprintf(name, sizeof(name), "Bellhop-Delivery: %s", delivery->hex);
    (void)snprintf(address, sizeof(address), "%.*s", BH_STR_ARGS(url));
    if (key->len > 0) {
        enum bh_status status = bh_callback_sign((struct bh_str){key->bytes, key->len},
                                                 bh_clock_wall(), body, signature);
        if (status != BH_OK)
            return status;
        headers[1] = signature;
    }
    const struct bh_webpost_letter letter = {address, body, headers, tag};
    return bh_webpost_send(post, &letter);
}

enum bh_status
bh_callback_letter_send(struct bh_webpost *post, const struct bh_callback_source *source,
                        struct bh_str url, const struct bh_config_secret *key, void *tag)
{
    struct bh_digest delivery;
    struct bh_buf body;
    bh_buf_init(&body, BH_CALLBACK_BODY_MAX);
    enum bh_status status = bh_callback_write(source, &body, &delivery);
    if (status == BH_OK)
        status = send_body(post, url, bh_buf_str(&body), &delivery, key, tag);
    bh_buf_release(&body);
    return status;
}
