/*
 * Input: fields separated by NUL, put into a job and a profile.
 *
 * Properties: what a field holds comes back when the form is decoded, no field can add a parameter or a
 * header, and the key is nowhere in the URL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gateway_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define FIELDS_MAX         9

static int
hex_value(char c)
{
    const char *digits = "0123456789ABCDEF", *at = c != '\0' ? strchr(digits, c) : NULL;
    REQUIRE(at != NULL);
    return (int)(at - digits);
}

/* Decode `encoded` and compare; any byte that a form may not have stops the program. */
static bool
decodes_to(struct bh_str encoded, const char *wanted)
{
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; len++) {
        char c = encoded.ptr[i++];
        if (c == '%') {
            REQUIRE(i + 2 <= encoded.len);
            c = (char)(hex_value(encoded.ptr[i]) * 16 + hex_value(encoded.ptr[i + 1]));
            i += 2;
        } else {
            REQUIRE(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
                           c) != NULL);
        }
        if (wanted[len] != c)
            return false;
    }
    return wanted[len] == '\0';
}

/* The value of the only parameter with that name. */
static bool
find_parameter(struct bh_str form, const char *name, struct bh_str *ret_value)
{
    struct bh_str rest = form, pair;
    size_t found = 0;
    while (bh_str_split(&rest, '&', &pair)) {
        struct bh_str key;
        REQUIRE(bh_str_split(&pair, '=', &key) && pair.ptr != NULL);
        if (!decodes_to(key, name))
            continue;
        *ret_value = pair;
        found++;
    }
    REQUIRE(found <= 1);
    return found == 1;
}

static void
check_parameter(const struct bh_gateway_request *request, const char *name, const char *wanted)
{
    struct bh_str value;
    bool is_there = find_parameter(bh_buf_str(&request->body), name, &value);
    REQUIRE(is_there == (wanted != NULL));
    REQUIRE(!is_there || decodes_to(value, wanted));
}

static void
check_headers(const struct bh_gateway_request *request, size_t wanted)
{
    size_t count = 0;
    for (; request->headers[count] != NULL; count++) {
        const char *header = request->headers[count];
        REQUIRE(strchr(header, ':') != NULL);
        for (size_t i = 0; header[i] != '\0'; i++)
            REQUIRE(header[i] >= 0x20 && header[i] <= 0x7e);
    }
    REQUIRE(count == wanted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    char *text = malloc(size);
    REQUIRE(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    const char *fields[FIELDS_MAX];
    size_t at = 0;
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        fields[i] = at < size ? text + at : NULL;
        at += at < size ? strlen(text + at) + 1 : 0;
    }

    struct bh_recipient recipient = {fields[1] != NULL ? fields[1] : "Team", NULL};
    const struct bh_recipient *to = &recipient;
    struct bh_file file = {"f", fields[7] != NULL ? fields[7] : "", data[0], fields[8]};
    struct bh_job job = {
        .text = fields[0],
        .recipients = &recipient,
        .recipients_count = 1,
        .from = fields[2],
        .label = fields[3],
        .foreign_id = fields[4],
        .flash = (data[0] & 1) != 0,
        .files = &file,
        .files_count = (data[0] & 2) != 0 ? 1 : 0,
    };
    struct bh_gateway_profile profile = {
        .url = fields[6] != NULL ? fields[6] : "http://h/api",
        .api_key = fields[5] != NULL ? fields[5] : "key",
        .auth = (enum bh_gateway_auth)(data[0] / 4 % 3),
        .signing_key = (data[0] & 64) != 0 ? "sekret" : NULL,
        .sent_with = "Bellhop/1",
    };
    struct bh_gateway_stamp stamp = {"67gpa0q6i4wchdx727kzpxyy4vdbxfco", 1};
    struct bh_gateway_message message = {.job = &job, .recipients = &to, .recipients_count = 1};

    struct bh_gateway_request request;
    bh_gateway_request_init(&request, 0);
    enum bh_status status = bh_gateway_request_message(&request, &profile, &stamp, &message, NULL);
    REQUIRE(status == BH_OK || status == BH_EINVAL || status == BH_ETOOBIG);
    if (status == BH_OK) {
        size_t signature = profile.signing_key != NULL ? 3 : 0;
        check_headers(&request, profile.auth == BH_AUTH_PARAMETER ? 4 + signature : 5 + signature);
        check_parameter(&request, "text", fields[0]);
        check_parameter(&request, "to", recipient.written);
        check_parameter(&request, "from", fields[2]);
        check_parameter(&request, "label", fields[3]);
        check_parameter(&request, "foreign_id", fields[4]);
        check_parameter(&request, "flash", job.flash ? "1" : NULL);
        check_parameter(&request, "json", "1");
        check_parameter(&request, "delay", NULL);
        check_parameter(&request, "p", profile.auth == BH_AUTH_PARAMETER ? profile.api_key : NULL);
        check_parameter(&request, "files[0][contents]", job.files_count > 0 ? file.contents : NULL);
        REQUIRE(request.url.len < strlen(profile.url) + 6);
    } else {
        REQUIRE(request.headers[0] == NULL && request.body.len == 0 && request.url.len == 0);
    }
    bh_gateway_request_release(&request);
    free(text);
    return 0;
}
