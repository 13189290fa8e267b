/*
 * First byte: the content type, and where the rest is cut into query and body.
 *
 * Properties: everything is NUL-terminated and of its alphabet, the text is UTF-8, and reading twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/inbound_sms.h"
#include "core/job_word.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static void
require_printable(const char *text, size_t size)
{
    REQUIRE(memchr(text, '\0', size) != NULL);
    for (; *text != '\0'; text++)
        REQUIRE(*text >= 0x20 && *text <= 0x7E);
}

static void
check(const struct bh_inbound_sms *sms)
{
    require_printable(sms->id, sizeof(sms->id));
    REQUIRE(strspn(sms->id, "0123456789") == strlen(sms->id));
    require_printable(sms->sender, sizeof(sms->sender));
    require_printable(sms->system, sizeof(sms->system));
    REQUIRE(sms->type[0] == '\0' || bh_job_is_word(bh_str_from(sms->type), sizeof(sms->type) - 1));
    REQUIRE(memchr(sms->text, '\0', sizeof(sms->text)) != NULL);
    REQUIRE(bh_utf8_is_valid(bh_str_from(sms->text)));
    REQUIRE(sms->id[0] != '\0' || sms->sender[0] != '\0');
    REQUIRE(!sms->is_cut || strlen(sms->text) > BH_INBOUND_TEXT_MAX - 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"", "application/x-www-form-urlencoded", "application/json",
                                        "text/plain"};
    static struct bh_inbound_sms sms, again;
    if (size == 0)
        return 0;
    size_t cut = (size_t)(data[0] >> 2);
    if (cut > size - 1)
        cut = 0;
    const char *rest = (const char *)data + 1;
    const struct bh_webhook_post post = {
        .content_type = bh_str_from(types[data[0] % 4]),
        .query = {rest,       cut           },
        .body = {rest + cut, size - 1 - cut},
    };
    struct bh_error error = {"", ""};
    enum bh_status status = bh_inbound_sms_parse(&post, NULL, &sms, &error);
    REQUIRE(status == BH_OK || (status == BH_EINVAL && error.text[0] != '\0'));
    if (status != BH_OK)
        return 0;
    check(&sms);
    REQUIRE(bh_inbound_sms_parse(&post, NULL, &again, NULL) == BH_OK);
    REQUIRE(strcmp(sms.text, again.text) == 0 && strcmp(sms.sender, again.sender) == 0);
    return 0;
}
