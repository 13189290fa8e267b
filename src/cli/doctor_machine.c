/* doctor: files, limits, the service's unit, the HTTP endpoint. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor.h"

#define SERVICE_USER_DEFAULT "bellhop"
#define CREDENTIALS          "/run/credentials/"
#define STATE_DIRECTORIES    "/var/lib/"
#define PERMISSIONS          07777U
#define PATH_SIZE            1024

struct machine {
    struct bh_doctor *doctor;
    struct bh_unit_facts unit;
    bool service_known;
    uid_t service_uid;
    gid_t service_gid;
    char service_group[64];
};

/* ---- Who is who ---- */

static void
find_service_user(struct machine *machine)
{
    const char *name = machine->unit.user[0] != '\0' ? machine->unit.user : SERVICE_USER_DEFAULT;
    const struct passwd *user = getpwnam(name);
    machine->service_known = user != NULL;
    if (user == NULL)
        return;
    machine->service_uid = user->pw_uid;
    machine->service_gid = user->pw_gid;
    const struct group *group = getgrgid(user->pw_gid);
    if (group != NULL)
        snprintf(machine->service_group, sizeof(machine->service_group), "%s", group->gr_name);
}

/* Without such a user whoever runs this is taken for the one that runs the daemon. */
static bool
runs_as_service(const struct machine *machine)
{
    return !machine->service_known || machine->service_uid == geteuid();
}

/* Root may do everything, and so learns nothing by trying; the service's user has to be judged by modes then. */
static bool
stands_in_for_service(const struct machine *machine)
{
    return machine->service_known && geteuid() == 0 && machine->service_uid != 0;
}

/*
 * Does its mode give the service's user all of `wanted` (bits of others: 04 read, 02 write, 01 look into)?  A group
 * that is not its first one may be one of its others, so it has the benefit of the doubt.
 */
static bool
service_may(const struct machine *machine, const struct stat *about, mode_t wanted)
{
    mode_t mode = about->st_mode;
    if (about->st_uid == machine->service_uid)
        return ((mode >> 6) & wanted) == wanted;
    if (about->st_gid != 0 && ((mode >> 3) & wanted) == wanted)
        return true;
    return (mode & wanted) == wanted;
}

static void
take_owner(uid_t uid, char *name, size_t size)
{
    const struct passwd *user = getpwuid(uid);
    if (user != NULL)
        snprintf(name, size, "%s", user->pw_name);
    else
        snprintf(name, size, "user %lu", (unsigned long)uid);
}

/* ---- Files ---- */

static void
look_at(const struct machine *machine, struct bh_file_facts *facts, const struct stat *about)
{
    facts->mode = (unsigned)about->st_mode & PERMISSIONS;
    facts->owner_trusted = about->st_uid == 0 || about->st_uid == geteuid() ||
                           (machine->service_known && about->st_uid == machine->service_uid);
    facts->group_trusted = about->st_gid == 0 || about->st_gid == getegid() ||
                           (machine->service_known && about->st_gid == machine->service_gid);
}

static void
check_file(const struct machine *machine, const char *key, const char *path, enum bh_file_use use)
{
    struct stat about;
    char owner[64] = "", problem[128] = "";
    struct bh_file_facts facts = {
        .path = path,
        .key = key,
        .use = use,
        .guarded = strncmp(path, CREDENTIALS, sizeof(CREDENTIALS) - 1) == 0,
        .owner = owner,
        .problem = problem,
    };
    if (path[0] == '\0')
        return;
    if (stat(path, &about) != 0) {
        facts.error = errno;
    } else {
        look_at(machine, &facts, &about);
        take_owner(about.st_uid, owner, sizeof(owner));
        if (machine->service_group[0] != '\0' && about.st_uid != machine->service_uid)
            facts.service_group = machine->service_group;
        if (access(path, R_OK) != 0 && runs_as_service(machine))
            facts.error = errno;
        facts.service_blind = stands_in_for_service(machine) && !service_may(machine, &about, 04);
    }
    if (facts.error != 0 && strerror_r(facts.error, problem, sizeof(problem)) != 0)
        snprintf(problem, sizeof(problem), "error %d", facts.error);
    facts.is_ours = runs_as_service(machine);
    bh_diagnose_file(machine->doctor->diagnosis, &facts);
}

/* What the file itself holds, rather than files that it names. */
static bool
file_holds_secrets(const struct bh_config *config)
{
    return (config->gateway.api_key.len > 0 && config->gateway.api_key_file[0] == '\0') ||
           (config->gateway.signing_key.len > 0 && config->gateway.signing_key_file[0] == '\0') ||
           (config->redis.password.len > 0 && config->redis.password_file[0] == '\0') ||
           (config->http.callback_key.len > 0 && config->http.callback_key_file[0] == '\0') ||
           strchr(config->redis.url, '@') != NULL || config->http.admin_token.len > 0 ||
           config->http.webhook_token.len > 0;
}

static void
check_files(const struct machine *machine)
{
    const struct bh_cli *cli = machine->doctor->cli;
    const struct bh_config *config = cli->config;
    if (cli->config_name != NULL)
        check_file(machine, "the configuration", cli->config_name,
                   file_holds_secrets(config) ? BH_FILE_SECRET : BH_FILE_PUBLIC);
    check_file(machine, "[redis] password_file", config->redis.password_file, BH_FILE_SECRET);
    check_file(machine, "[redis] tls_key", config->redis.tls_key, BH_FILE_SECRET);
    check_file(machine, "[redis] tls_cert", config->redis.tls_cert, BH_FILE_PUBLIC);
    check_file(machine, "[redis] tls_ca", config->redis.tls_ca, BH_FILE_PUBLIC);
    if (!machine->doctor->examined.gateway)
        return;
    check_file(machine, "[gateway] api_key_file", config->gateway.api_key_file, BH_FILE_SECRET);
    check_file(machine, "[gateway] signing_key_file", config->gateway.signing_key_file,
               BH_FILE_SECRET);
    check_file(machine, "[http] callback_key_file", config->http.callback_key_file, BH_FILE_SECRET);
    check_file(machine, "[gateway] ca_file", config->gateway.ca_file, BH_FILE_PUBLIC);
}

/* ---- The journal of what was sent ---- */

static int64_t
free_bytes(const char *path)
{
    struct statvfs about;
    if (statvfs(path, &about) != 0 || about.f_bavail > (fsblkcnt_t)(INT64_MAX >> 24))
        return -1;
    return (int64_t)about.f_bavail * (int64_t)about.f_frsize;
}

/* Where the service keeps it: as configured, else in the directory that the service manager makes. */
static bool
find_journal(const struct machine *machine, char *path, size_t size)
{
    const char *configured = machine->doctor->cli->config->pool.journal;
    const char *state = machine->unit.state_directory;
    if (configured[0] != '\0')
        snprintf(path, size, "%s", configured);
    else if (state[0] != '\0')
        snprintf(path, size, STATE_DIRECTORIES "%s", state);
    else
        return false;
    return true;
}

static void
check_journal(const struct machine *machine)
{
    const struct bh_config_pool *pool = &machine->doctor->cli->config->pool;
    char path[PATH_SIZE], problem[128] = "";
    struct stat about;
    struct bh_journal_directory_facts facts = {
        .off = strcmp(pool->journal, "off") == 0,
        .by_unit = pool->journal[0] == '\0',
        .problem = problem,
        .runs_as_service = runs_as_service(machine) || stands_in_for_service(machine),
        .free_bytes = -1,
        .records = pool->journal_records,
    };
    if (!facts.off && find_journal(machine, path, sizeof(path))) {
        facts.path = path;
        facts.error = stat(path, &about) == 0 ? 0 : errno;
        if (facts.error == 0) {
            facts.is_directory = S_ISDIR(about.st_mode);
            facts.mode = (unsigned)about.st_mode & PERMISSIONS;
            facts.writable = stands_in_for_service(machine) ? service_may(machine, &about, 03)
                                                            : access(path, W_OK | X_OK) == 0;
            facts.free_bytes = free_bytes(path);
            /* While it runs here its file takes the room already. */
            facts.file_exists = machine->doctor->daemon_here;
        } else if (strerror_r(facts.error, problem, sizeof(problem)) != 0) {
            snprintf(problem, sizeof(problem), "error %d", facts.error);
        }
    }
    bh_diagnose_journal_directory(machine->doctor->diagnosis, &facts);
}

/* ---- Limits and endpoint ---- */

static void
check_unit(const struct machine *machine)
{
    struct rlimit limit;
    int64_t shell = -1;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        shell = limit.rlim_cur > (rlim_t)INT64_MAX ? BH_LIMIT_INFINITE : (int64_t)limit.rlim_cur;
    bh_diagnose_unit(machine->doctor->diagnosis, machine->doctor->unit, &machine->unit,
                     bh_descriptors_needed(machine->doctor->cli->config), shell);
}

static bool
is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static void
check_endpoint(const struct machine *machine)
{
    const struct bh_config_http *http = &machine->doctor->cli->config->http;
    char problem[128] = "";
    struct bh_endpoint_facts facts = {
        .host = http->listen.host,
        .port = http->listen.port,
        .loopback = is_loopback(http->listen.host),
        .token = http->admin_token.len > 0,
        .daemon_here = machine->doctor->daemon_here || machine->unit.active,
        .problem = problem,
    };
    if (facts.port != 0) {
        facts.asked = true;
        facts.http_status = bh_doctor_ask_health(facts.host, facts.port, problem, sizeof(problem));
    }
    bh_diagnose_endpoint(machine->doctor->diagnosis, &facts);
}

void
bh_doctor_machine(struct bh_doctor *doctor)
{
    struct machine machine = {.doctor = doctor};
    if (doctor->cli->config == NULL)
        return;
    bh_doctor_ask_unit(doctor->unit, &machine.unit);
    find_service_user(&machine);
    check_files(&machine);
    if (doctor->examined.gateway) {
        check_journal(&machine);
        check_unit(&machine);
    }
    if (doctor->examined.all)
        check_endpoint(&machine);
}
