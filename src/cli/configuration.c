#include "cli/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/file.h"
#include "core/alloc.h"
#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/zone.h"

#define ZONE_DIRECTORY  "/usr/share/zoneinfo/"
#define ENVIRONMENT_MAX 4096
#define PLACEHOLDER     "unreadable"

extern char **environ;

/*
 * How much of the configuration is believed.  Each attempt takes less, until what is left has no errors.
 */
enum extent {
    EXTENT_ALL,
    EXTENT_WITHOUT_KEY,     /* all, but the API key is taken as given */
    EXTENT_WITHOUT_OTHERS,  /* [redis] [status] [queue] [gateway] [pool] */
    EXTENT_WITHOUT_GATEWAY, /* [redis] [status] [queue] */
    EXTENT_WITHOUT_QUEUES,  /* [redis] [gateway] [pool] */
    EXTENT_REDIS_ALONE,
    EXTENT_GATEWAY_ALONE, /* [gateway] [pool] */
};

#define EXTENT_COUNT (EXTENT_GATEWAY_ALONE + 1)

enum {
    SECTION_REDIS = 1,
    SECTION_STATUS = 2,
    SECTION_QUEUE = 4,
    SECTION_GATEWAY = 8,
    SECTION_POOL = 16,
    SECTION_OTHER = 32,
};

static const unsigned extents[EXTENT_COUNT] = {
    [EXTENT_ALL] = ~0U,
    [EXTENT_WITHOUT_KEY] = ~0U,
    [EXTENT_WITHOUT_OTHERS] = ~(unsigned)SECTION_OTHER,
    [EXTENT_WITHOUT_GATEWAY] = SECTION_REDIS | SECTION_STATUS | SECTION_QUEUE,
    [EXTENT_WITHOUT_QUEUES] = SECTION_REDIS | SECTION_GATEWAY | SECTION_POOL,
    [EXTENT_REDIS_ALONE] = SECTION_REDIS,
    [EXTENT_GATEWAY_ALONE] = SECTION_GATEWAY | SECTION_POOL,
};

struct loader {
    const char *name; /* of the file, for messages */
    struct bh_buf bytes;
    struct bh_buf kept; /* of `bytes` */
    const char *environment[ENVIRONMENT_MAX];
    char host[256];
    char unread_path[1024]; /* of a secret that could not be read; empty: none */
    char unread_reason[BH_ERROR_TEXT_MAX];
    char unread_key_path[1024];
};

/* ---- What reading asks the system for ---- */

/*
 * A secret that we may not read is none that we need, as a rule; which one it was is looked at afterwards.
 */
static enum bh_status
read_secret(void *arg, const char *path, struct bh_buf *ret_bytes, bool *ret_exposed,
            struct bh_error *error)
{
    struct loader *loader = arg;
    *ret_exposed = false; /* whose business that is: the daemon's */
    enum bh_status status = bh_file_read(path, ret_bytes, error);
    if (status == BH_OK || status == BH_ENOMEM)
        return status;
    if (loader->unread_path[0] == '\0') {
        snprintf(loader->unread_path, sizeof(loader->unread_path), "%s", path);
        snprintf(loader->unread_reason, sizeof(loader->unread_reason), "%s", error->text);
    }
    snprintf(loader->unread_key_path, sizeof(loader->unread_key_path), "%s", path);
    bh_buf_clear(ret_bytes);
    return bh_buf_append_text(ret_bytes, PLACEHOLDER);
}

static enum bh_status
read_zone(void *arg, const char *name, struct bh_buf *ret_bytes, struct bh_error *error)
{
    (void)arg;
    char path[512];
    int len = snprintf(path, sizeof(path), ZONE_DIRECTORY "%s", name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return bh_error_set(error, "timezone", "the name of the time zone is too long");
    return bh_file_read(path, ret_bytes, error);
}

/* ---- Attempts ---- */

static bool
is_kept(struct bh_str section, enum extent extent)
{
    static const struct {
        const char *name;
        unsigned bit;
    } sections[] = {
        {"[redis]",   SECTION_REDIS  },
        {"[status]",  SECTION_STATUS },
        {"[queue ",   SECTION_QUEUE  },
        {"[queue\t",  SECTION_QUEUE  },
        {"[gateway]", SECTION_GATEWAY},
        {"[pool]",    SECTION_POOL   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(sections); i++) {
        if (bh_str_starts_with(section, bh_str_from(sections[i].name)))
            return (extents[extent] & sections[i].bit) != 0;
    }
    return (extents[extent] & SECTION_OTHER) != 0;
}

/* Copy the lines of sections that count and leave the others empty, so that line numbers stay true. */
static enum bh_status
keep_sections(struct loader *loader, enum extent extent)
{
    bh_buf_clear(&loader->kept);
    struct bh_str rest = bh_buf_str(&loader->bytes), line;
    if (rest.ptr == NULL)
        rest.ptr = "";
    bool keep = true;
    while (bh_str_split(&rest, '\n', &line)) {
        struct bh_str trimmed = bh_str_trim(line);
        if (trimmed.len > 0 && trimmed.ptr[0] == '[')
            keep = is_kept(trimmed, extent);
        if (keep)
            (void)bh_buf_append_str(&loader->kept, line);
        if (rest.ptr != NULL)
            (void)bh_buf_append_char(&loader->kept, '\n');
    }
    /* A configuration without a queue is none. */
    if ((extents[extent] & SECTION_QUEUE) == 0)
        (void)bh_buf_append_text(&loader->kept, "\n[queue unknown]\n");
    return bh_buf_status(&loader->kept);
}

/* Our environment without BELLHOP_CONFIG, which is no key; where the API key is unknown, with another one. */
static void
fill_environment(struct loader *loader, enum extent extent)
{
    size_t count = 0;
    for (char **entry = environ; *entry != NULL && count < ENVIRONMENT_MAX - 3; entry++) {
        bool is_key = strncmp(*entry, "BELLHOP_GATEWAY_API_KEY", 23) == 0;
        if (strncmp(*entry, "BELLHOP_CONFIG=", 15) != 0 && !(is_key && extent > EXTENT_ALL))
            loader->environment[count++] = *entry;
    }
    if (extent > EXTENT_ALL) {
        loader->environment[count++] = "BELLHOP_GATEWAY_API_KEY=" PLACEHOLDER;
        loader->environment[count++] = "BELLHOP_GATEWAY_API_KEY_FILE=";
    }
    loader->environment[count] = NULL;
}

static enum bh_status
attempt(struct loader *loader, enum extent extent, struct bh_config_report *report,
        struct bh_config **ret_config)
{
    if (keep_sections(loader, extent) != BH_OK)
        return BH_ENOMEM;
    fill_environment(loader, extent);
    loader->unread_path[0] = '\0';
    const struct bh_config_source source = {
        .file_name = loader->name,
        .file_bytes = bh_buf_str(&loader->kept),
        .environment = loader->environment,
        .host_name = loader->host,
        .files = {loader, read_secret, read_zone},
    };
    return bh_config_read(&source, report, ret_config);
}

static void
print_report(const struct bh_config_report *report, const char *severity)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->messages[i].severity == BH_CONFIG_ERROR)
            bh_cli_warn("%s: %s: %s", report->messages[i].where, severity,
                        report->messages[i].text);
    }
}

/* Take less and less of it; the errors of what is left out are warnings, those of what we need are final. */
static enum bh_exit
load_what_matters(struct bh_cli *cli, struct loader *loader)
{
    struct bh_config *config = NULL;
    struct bh_config_report left_out = {0};
    enum bh_status status = BH_EINVAL;
    for (int extent = EXTENT_ALL; extent <= EXTENT_WITHOUT_GATEWAY && status == BH_EINVAL;
         extent++) {
        struct bh_config_report report = {0};
        status = attempt(loader, (enum extent)extent, &report, &config);
        cli->account_known = extent == EXTENT_ALL;
        if (status == BH_EINVAL && extent == EXTENT_WITHOUT_GATEWAY)
            print_report(&report, "error");
        else if (status == BH_OK && extent >= EXTENT_WITHOUT_OTHERS)
            print_report(&left_out, "left out");
        if (status == BH_EINVAL && extent == EXTENT_WITHOUT_KEY) {
            left_out = report;
            continue;
        }
        bh_config_report_release(&report);
    }
    bh_config_report_release(&left_out);
    if (status == BH_ENOMEM)
        return bh_cli_fail("short of memory");
    if (status != BH_OK)
        return bh_cli_fail("the configuration cannot be used");
    cli->config = config;
    return BH_EXIT_DONE;
}

/* ---- The file ---- */

/* Where the file is, and whether somebody named it, so that it has to be there. */
static const char *
choose_path(const struct bh_cli *cli, bool *ret_named)
{
    const char *path = cli->config_path;
    if (path == NULL)
        path = getenv("BELLHOP_CONFIG");
    *ret_named = path != NULL && path[0] != '\0';
    return *ret_named ? path : BH_CLI_CONFIG_DEFAULT;
}

static enum bh_status
find_file(struct bh_cli *cli, struct loader *loader, struct bh_error *error)
{
    bool named;
    loader->name = choose_path(cli, &named);
    enum bh_status status = bh_file_read(loader->name, &loader->bytes, error);
    if (status == BH_OK)
        cli->config_name = loader->name;
    if (status != BH_ENOTFOUND || named)
        return status;
    /* A configuration has at least one queue; which ones there are is not known, so nobody sees this one. */
    loader->name = "(no configuration)";
    return bh_buf_append_text(&loader->bytes, "[queue unknown]\n");
}

static enum bh_exit
read_file(struct bh_cli *cli, struct loader *loader)
{
    struct bh_error error;
    enum bh_status status = find_file(cli, loader, &error);
    if (status == BH_OK)
        return BH_EXIT_DONE;
    return status == BH_ENOMEM ? bh_cli_fail("short of memory") : bh_cli_fail("%s", error.text);
}

static struct loader *
new_loader(void)
{
    struct loader *loader = bh_alloc_zero(sizeof(*loader));
    if (loader == NULL)
        return NULL;
    bh_buf_init(&loader->bytes, BH_CONFIG_FILE_MAX);
    bh_buf_init(&loader->kept, BH_CONFIG_FILE_MAX + 64);
    if (gethostname(loader->host, sizeof(loader->host) - 1) != 0 || loader->host[0] == '\0')
        snprintf(loader->host, sizeof(loader->host), "localhost");
    return loader;
}

static void
free_loader(struct loader *loader)
{
    bh_buf_release(&loader->bytes);
    bh_buf_release(&loader->kept);
    bh_free(loader);
}

/* The API key is not what it seems: its file could not be read. */
static bool
is_key_unread(const struct bh_cli *cli, const struct loader *loader)
{
    return loader->unread_key_path[0] != '\0' &&
           strcmp(cli->config->gateway.api_key_file, loader->unread_key_path) == 0;
}

/* The only secret that we need is Redis' own password, and not even that when --redis brings its own. */
static enum bh_exit
check_unread(const struct bh_cli *cli, const struct loader *loader)
{
    const struct bh_config *config = cli->config;
    if (loader->unread_path[0] == '\0' || cli->redis_url != NULL ||
        strcmp(config->redis.password_file, loader->unread_path) != 0)
        return BH_EXIT_DONE;
    return bh_cli_fail("[redis] password_file: %s", loader->unread_reason);
}

enum bh_exit
bh_configuration_load(struct bh_cli *cli)
{
    if (cli->config != NULL)
        return BH_EXIT_DONE;
    struct loader *loader = new_loader();
    if (loader == NULL)
        return bh_cli_fail("short of memory");
    enum bh_exit result = read_file(cli, loader);
    if (result == BH_EXIT_DONE)
        result = load_what_matters(cli, loader);
    if (result == BH_EXIT_DONE)
        result = check_unread(cli, loader);
    if (result == BH_EXIT_DONE && is_key_unread(cli, loader))
        cli->account_known = false;
    free_loader(loader);
    return result;
}

struct bh_examined
bh_configuration_examine(struct bh_cli *cli, struct bh_config_report *report,
                         struct bh_error *ret_error)
{
    static const enum extent attempts[] = {
        EXTENT_ALL,
        EXTENT_WITHOUT_KEY,
        EXTENT_WITHOUT_OTHERS,
        EXTENT_WITHOUT_QUEUES,
        EXTENT_WITHOUT_GATEWAY,
        EXTENT_REDIS_ALONE,
        EXTENT_GATEWAY_ALONE,
    };
    struct bh_examined examined = {false, false, false};
    struct loader *loader = new_loader();
    struct bh_config *config = NULL;
    (void)bh_error_set(ret_error, NULL, "short of memory");
    if (loader == NULL)
        return examined;
    enum bh_status status = find_file(cli, loader, ret_error);
    if (status == BH_OK) {
        ret_error->text[0] = '\0';
        status = BH_EINVAL;
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(attempts) && status == BH_EINVAL; i++) {
        struct bh_config_report ignored = {0};
        unsigned kept = extents[attempts[i]];
        status = attempt(loader, attempts[i], i == 0 ? report : &ignored, &config);
        bh_config_report_release(&ignored);
        if (status == BH_OK)
            examined = (struct bh_examined){
                .redis = (kept & SECTION_REDIS) != 0,
                .gateway = (kept & SECTION_GATEWAY) != 0,
                .all = attempts[i] == EXTENT_ALL,
            };
    }
    if (status == BH_OK)
        cli->config = config;
    cli->account_known = examined.all && !is_key_unread(cli, loader);
    free_loader(loader);
    return examined;
}

void
bh_configuration_release(struct bh_cli *cli)
{
    bh_config_release(cli->config);
    cli->config = NULL;
}

/* ---- Queues ---- */

static enum bh_exit
add_queue(struct bh_queue_choice *choice, const struct bh_config *config, const char *name,
          const struct bh_queue_config *queue)
{
    size_t at = choice->count++;
    choice->names[at] = name;
    choice->configs[at] = queue;
    if (bh_queue_keys_init(&choice->keys[at], config->redis.prefix, name) != BH_OK)
        return bh_cli_fail("\"%s\" is no name of a queue: 1 to %d characters of a-z 0-9 _ -",
                           bh_quote(bh_str_from(name)).text, BH_QUEUE_NAME_MAX);
    return BH_EXIT_DONE;
}

static enum bh_exit
unknown_queue(const struct bh_cli *cli, const char *name)
{
    const char *names[BH_CONFIG_QUEUES_MAX];
    for (size_t i = 0; i < cli->config->queues_count; i++)
        names[i] = cli->config->queues[i].name;
    const char *guess = bh_did_you_mean(bh_str_from(name), names, cli->config->queues_count);
    return bh_cli_fail("%s has no [queue %s]%s%s%s", cli->config_name,
                       bh_quote(bh_str_from(name)).text, guess != NULL ? "; did you mean " : "",
                       guess != NULL ? guess : "", guess != NULL ? "?" : "");
}

enum bh_exit
bh_configuration_queues(struct bh_cli *cli, const char *name, struct bh_queue_choice *ret_choice)
{
    ret_choice->count = 0;
    enum bh_exit result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    const struct bh_config *config = cli->config;
    if (name != NULL) {
        const struct bh_queue_config *queue = NULL;
        if (cli->config_name != NULL) {
            queue = bh_config_queue_get(config, bh_str_from(name));
            if (queue == NULL)
                return unknown_queue(cli, name);
        }
        return add_queue(ret_choice, config, name, queue);
    }
    if (cli->config_name == NULL)
        return bh_cli_fail("there is no configuration at " BH_CLI_CONFIG_DEFAULT
                           " that would tell the queues; name it with --config FILE, or the "
                           "queue with --queue NAME");
    for (size_t i = 0; i < config->queues_count && result == BH_EXIT_DONE; i++)
        result = add_queue(ret_choice, config, config->queues[i].name, &config->queues[i]);
    return result;
}
