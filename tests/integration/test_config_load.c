#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/zone.h"
#include "daemon/config_load.h"

#define LEAST "[gateway]\napi_key = k\n[queue sms]\n"

/* A directory of the test's own; everything is made and removed inside. */
static char dir[64];
static int fd_before;

static char *
at(const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

/* The number that the next descriptor gets: a leak moves it. */
static int
next_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void
start(void)
{
    snprintf(dir, sizeof(dir), "/tmp/bellhop-config-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    umask(0);
    fd_before = next_fd();
}

static void
stop(void)
{
    static const char *const names[] = {"b.conf", "secret",      "link",
                                        "fifo",   "cred/secret", "cred-not/secret"};
    if (next_fd() != fd_before)
        abort(); /* an assertion here would be printed and pass */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(at(names[i]));
    (void)rmdir(at("cred"));
    (void)rmdir(at("cred-not"));
    if (rmdir(dir) != 0)
        abort();
}

static void
write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void
write_text(const char *name, const char *text)
{
    write_file(at(name), text, strlen(text), 0600);
}

/* Load and compare the status; the messages are given back, to be freed. */
static char *
load(const char *path, const char *const *environment, enum bh_status wanted,
     struct bh_config **ret_config)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    enum bh_status status = bh_config_load(path, environment, &report, &config);
    struct bh_buf out;
    bh_buf_init(&out, 1 << 20);
    bh_buf_append_text(&out, "");
    cr_assert_eq(bh_config_report_print(&report, &out), BH_OK);
    char *text = bh_strdup(bh_buf_text(&out));
    cr_expect_eq(status, wanted, "%s: %s\n%s", path, bh_status_name(status), text);
    cr_expect_eq(report.errors > 0, status == BH_EINVAL);
    bh_buf_release(&out);
    bh_config_report_release(&report);
    if (ret_config != NULL)
        *ret_config = config;
    else
        bh_config_release(config);
    return text;
}

static void
expect_message(const char *path, const char *const *environment, enum bh_status status,
               const char *wanted)
{
    char *text = load(path, environment, status, NULL);
    if (wanted[0] == '\0')
        cr_expect_str_eq(text, "", "%s: %s", path, text);
    else
        cr_expect_not_null(strstr(text, wanted), "%s: got %swanted %s", path, text, wanted);
    bh_free(text);
}

TestSuite(config_load, .init = start, .fini = stop);

Test(config_load, takes_file_environment_host_and_zone)
{
    const char *environment[] = {"HOME=/", "BELLHOP_POOL_LEASE=45s", NULL};
    struct bh_config *config;
    char host[256];
    cr_assert_eq(gethostname(host, sizeof(host)), 0);
    write_text("b.conf", LEAST "ttl = 2h\n");
    bh_free(load(at("b.conf"), environment, BH_OK, &config));
    cr_assert_not_null(config);
    cr_expect_eq(config->queues[0].ttl_ms, 2 * BH_HOUR_MS);
    cr_expect_eq(config->pool.lease_ms, 45000);
    cr_expect_eq(strncmp(config->pool.instance, host, 3), 0, "%s", config->pool.instance);
    /* Noon of a winter's and of a summer's day in Berlin. */
    struct bh_wall winter = {INT64_C(1767265200000)}, summer = {INT64_C(1782907200000)};
    cr_expect_eq(bh_zone_offset_s(config->gateway.zone, winter), 3600);
    cr_expect_eq(bh_zone_offset_s(config->gateway.zone, summer), 7200);
    bh_config_release(config);
}

Test(config_load, refuses_what_is_no_readable_file)
{
    cr_assert_eq(mkfifo(at("fifo"), 0600), 0);
    cr_assert_eq(symlink(at("link"), at("link")), 0);
    const char *const none[] = {NULL};
    expect_message(at("missing"), none, BH_EINVAL, "cannot be read: No such file or directory.");
    expect_message(dir, none, BH_EINVAL, "cannot be read: it is not a regular file.");
    expect_message(at("fifo"), none, BH_EINVAL, "cannot be read: it is not a regular file.");
    expect_message("/dev/zero", none, BH_EINVAL, "cannot be read: it is not a regular file.");
    expect_message(at("link"), none, BH_EINVAL, "cannot be read: ");
    expect_message("", none, BH_EINVAL, "cannot be read: No such file or directory.");
}

Test(config_load, takes_a_mebibyte_and_no_more)
{
    static char bytes[BH_CONFIG_FILE_MAX + 1];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i % 80 == 79 ? '\n' : '#';
    memcpy(bytes, LEAST, strlen(LEAST));
    bytes[strlen(LEAST)] = '#';
    write_file(at("b.conf"), bytes, BH_CONFIG_FILE_MAX, 0600);
    expect_message(at("b.conf"), NULL, BH_OK, "");
    write_file(at("b.conf"), bytes, BH_CONFIG_FILE_MAX + 1, 0600);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "the file has more than 1048576 bytes.");
}

Test(config_load, survives_a_file_of_garbage)
{
    static char bytes[300000];
    uint32_t dice = 42;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        dice = dice * 1664525 + 1013904223;
        bytes[i] = (char)(dice >> 24);
    }
    write_file(at("b.conf"), bytes, sizeof(bytes), 0600);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "... and ");
    write_file(at("b.conf"), "", 0, 0600);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "there is no queue");
}

Test(config_load, warns_of_secrets_that_others_may_read)
{
    static const struct {
        mode_t mode;
        bool warns;
    } rows[] = {
        {0600, false},
        {0400, false},
        {0640, false},
        {0660, false},
        {0644, true },
        {0604, true },
        {0602, true },
        {0666, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)unlink(at("b.conf"));
        (void)unlink(at("secret"));
        write_file(at("b.conf"), LEAST, strlen(LEAST), rows[i].mode);
        expect_message(
            at("b.conf"), NULL, BH_OK,
            rows[i].warns ? "b.conf:2:11: warning: [gateway] api_key: a secret stands" : "");

        char text[400];
        snprintf(text, sizeof(text), "[gateway]\napi_key_file = %s\n[queue q]\n", at("secret"));
        write_text("b.conf", text);
        write_file(at("secret"), "key\n", 4, rows[i].mode);
        expect_message(at("b.conf"), NULL, BH_OK,
                       rows[i].warns ? "warning: [gateway] api_key_file: others than" : "");
    }
    /* No secret inside: everybody may read it. */
    (void)unlink(at("b.conf"));
    const char *const environment[] = {"BELLHOP_GATEWAY_API_KEY=k", NULL};
    write_file(at("b.conf"), "[queue q]\n", 10, 0644);
    expect_message(at("b.conf"), environment, BH_OK, "");
}

Test(config_load, trusts_the_service_managers_credentials_and_no_neighbour)
{
    char variable[200], text[300];
    cr_assert_eq(mkdir(at("cred"), 0700), 0);
    cr_assert_eq(mkdir(at("cred-not"), 0700), 0);
    write_file(at("cred/secret"), "key\n", 4, 0444);
    write_file(at("cred-not/secret"), "key\n", 4, 0444);
    snprintf(variable, sizeof(variable), "CREDENTIALS_DIRECTORY=%s", at("cred"));
    const char *const environment[] = {variable, NULL};

    snprintf(text, sizeof(text), "[gateway]\napi_key_file = %s\n[queue q]\n", at("cred/secret"));
    write_text("b.conf", text);
    expect_message(at("b.conf"), environment, BH_OK, "");
    expect_message(at("b.conf"), NULL, BH_OK, "others than the owner");
    snprintf(text, sizeof(text), "[gateway]\napi_key_file = %s\n[queue q]\n",
             at("cred-not/secret"));
    write_text("b.conf", text);
    expect_message(at("b.conf"), environment, BH_OK, "others than the owner");
    const char *const empty[] = {"CREDENTIALS_DIRECTORY=", NULL};
    expect_message(at("b.conf"), empty, BH_OK, "others than the owner");
}

Test(config_load, refuses_odd_files_of_secrets)
{
    static char big[BH_CONFIG_SECRET_MAX + 10];
    char text[300];
    memset(big, 'x', sizeof(big));
    snprintf(text, sizeof(text), "[gateway]\napi_key_file = %s\n[queue q]\n", at("secret"));
    write_text("b.conf", text);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "secret\": No such file or directory.");

    cr_assert_eq(mkfifo(at("secret"), 0600), 0);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "it is not a regular file.");
    unlink(at("secret"));
    write_file(at("secret"), big, BH_CONFIG_SECRET_MAX, 0600);
    expect_message(at("b.conf"), NULL, BH_OK, "");
    write_file(at("secret"), big, BH_CONFIG_SECRET_MAX + 1, 0600);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "the value has 4097 bytes");
    write_file(at("secret"), big, BH_CONFIG_SECRET_MAX + 3, 0600);
    expect_message(at("b.conf"), NULL, BH_EINVAL, "the file has more than 4098 bytes.");
    write_file(at("secret"), "k\n", 2, 0600);
    expect_message(at("b.conf"), NULL, BH_OK, "");
}

Test(config_load, knows_only_zones_of_the_database)
{
    static const struct {
        const char *name;
        enum bh_status status;
        const char *wanted;
    } rows[] = {
        {"UTC",                       BH_OK,     ""                                      },
        {"America/Argentina/Ushuaia", BH_OK,     ""                                      },
        {"Etc/GMT+5",                 BH_OK,     ""                                      },
        {"Europe",                    BH_EINVAL, "it is not a regular file."             },
        {"Europe/Atlantis",           BH_EINVAL, "No such file or directory."            },
        {"europe/berlin",             BH_EINVAL, "No such file or directory."            },
        {"../../../etc/hostname",     BH_EINVAL, "is not a name of the zone database."   },
        {"tzdata.zi",                 BH_EINVAL, "is not a name of the zone database."   },
        {"leapseconds",               BH_EINVAL, "cannot be taken from the zone database"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "[gateway]\napi_key = k\ntimezone = %s\n[queue q]\n",
                 rows[i].name);
        write_text("b.conf", text);
        expect_message(at("b.conf"), NULL, rows[i].status, rows[i].wanted);
    }
}

Test(config_load, the_example_loads_as_it_stands)
{
    struct bh_config *config;
    char *text = load(BH_TEST_EXAMPLE, NULL, BH_OK, &config);
    cr_assert_not_null(config);
    /* Whether it is exposed depends on how it was checked out. */
    cr_expect(text[0] == '\0' || strstr(text, "api_key: a secret stands") != NULL, "%s", text);
    cr_expect_null(strstr(text, "error"), "%s", text);
    cr_expect_str_eq(config->gateway.url, "http://127.0.0.1:7077/api");
    cr_expect_eq(config->queues_count, 2);
    bh_config_release(config);
    bh_free(text);
}
