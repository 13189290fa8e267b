/* What the README tells a receiver to do accepts our signatures, and no others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/callback.h"
#include "support/remove_tree.h"
#include "support/run_program.h"

#define KEY  "a-key-of-this-test"
#define BODY "{\"event\":\"state\",\"error\":\"\xC3\xA4\"}"

/* The indented lines from this one on. */
static const char first_line[] = "    import hashlib, hmac, time\n";

static char program[16384];

/* The README's function, and behind it a line that asks it about argv: header, body, key. */
static void
set_up(void)
{
    static char readme[512 * 1024];
    FILE *file = fopen(BH_TEST_README, "r");
    cr_assert_not_null(file);
    readme[fread(readme, 1, sizeof(readme) - 1, file)] = '\0';
    fclose(file);
    const char *line = strstr(readme, first_line);
    cr_assert_not_null(line, "the README has no such example");
    size_t len = 0;
    while (strncmp(line, "    ", 4) == 0 || *line == '\n') {
        const char *text = *line == '\n' ? line : line + 4;
        const char *end = strchr(text, '\n') + 1;
        cr_assert_lt(len + (size_t)(end - text), sizeof(program) - 256);
        memcpy(program + len, text, (size_t)(end - text));
        len += (size_t)(end - text);
        line = end;
    }
    snprintf(program + len, sizeof(program) - len, "%s",
             "import sys, os\nprint(is_genuine(sys.argv[1], os.fsencode(sys.argv[2]), "
             "os.fsencode(sys.argv[3])))\n");
}

TestSuite(callback_receiver, .init = set_up, .timeout = 120);

static bool
is_taken(const char *header, const char *body, const char *key)
{
    char directory[] = "/tmp/bellhop-receiver-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    const char *const args[] = {"-c", program, header, body, key, NULL};
    const struct run_request request = {
        .program = BH_TEST_PYTHON, .directory = directory, .args = args};
    struct run_result result;
    run_program(&request, &result);
    bool taken = strcmp(result.out, "True\n") == 0;
    cr_expect(taken || strcmp(result.out, "False\n") == 0, "%s%s", result.out, result.err);
    run_release(&result);
    bh_remove_tree(directory);
    return taken;
}

static const char *
sign(long age_s, const char *body, const char *key)
{
    static char header[BH_CALLBACK_SIGNATURE_MAX];
    const struct bh_wall at = {((int64_t)time(NULL) - age_s) * BH_SECOND_MS};
    cr_assert_eq(bh_callback_sign(bh_str_from(key), at, bh_str_from(body), header), BH_OK);
    return header + sizeof("Bellhop-Signature: ") - 1;
}

Test(callback_receiver, takes_what_we_have_signed)
{
    cr_expect(is_taken(sign(0, BODY, KEY), BODY, KEY));
    cr_expect(is_taken(sign(100, BODY, KEY), BODY, KEY));
}

Test(callback_receiver, takes_nothing_else)
{
    char header[BH_CALLBACK_SIGNATURE_MAX];
    cr_expect_not(is_taken(sign(0, BODY, KEY), BODY " ", KEY), "another body");
    cr_expect_not(is_taken(sign(0, BODY, "another"), BODY, KEY), "another key");
    cr_expect_not(is_taken(sign(1000, BODY, KEY), BODY, KEY), "recorded long ago");
    snprintf(header, sizeof(header), "%s", sign(1000, BODY, KEY));
    snprintf(header + 2, 11, "%lld", (long long)time(NULL));
    header[12] = ',';
    cr_expect_not(is_taken(header, BODY, KEY), "recorded, with another time");
    static const char *const forged[] = {
        "", "t=", "t=1", "v1=", "t=x,v1=", "=,=,", "t=-1,v1=0", "nonsense"};
    for (size_t i = 0; i < BH_ARRAY_LEN(forged); i++)
        cr_expect_not(is_taken(forged[i], BODY, KEY), "%s", forged[i]);
}
