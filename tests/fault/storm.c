#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/storm_own.h"

#define STEP_MS      10
#define WATCHED_MAX  256
#define WARM_UP_JOBS 20
/* Longer than the longest distance between two probes of a gateway. */
#define AFTERGLOW_MS  80000
#define AFTERGLOW_GAP 100
#define LAST_JOB_MS   420000
#define REST_MS       30000

static unsigned long long
from_environment(const char *name, unsigned long long usual)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : usual;
}

static long long
age_of(const struct storm_world *world)
{
    return bh_now_ms() - world->begin_at;
}

/* ---- the world ------------------------------------------------------------------------------------- */

const char *
storm_seat_environment(struct storm_world *world, unsigned daemon)
{
    return bh_rig_text(&world->rig, "BELLHOP_CLOCK_SHIFT=%s", world->seats[daemon].shift_path);
}

static void
prepare_seat(struct storm_world *world, unsigned daemon)
{
    struct storm_seat *seat = &world->seats[daemon];
    snprintf(seat->line_path, sizeof(seat->line_path), "%s/line-%u", world->rig.dir, daemon);
    snprintf(seat->shift_path, sizeof(seat->shift_path), "%s/shift-%u", world->rig.dir, daemon);
    const struct bh_linecut_options options = {.listen_path = seat->line_path,
                                               .upstream_path = world->rig.redis.socket_path};
    seat->line = bh_linecut_start(&options);
    int fd = open(seat->shift_path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*seat->shift_ms)) != 0)
        bh_rig_fail(&world->rig, "%s cannot be made", seat->shift_path);
    seat->shift_ms = mmap(NULL, sizeof(*seat->shift_ms), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (seat->shift_ms == MAP_FAILED)
        bh_rig_fail(&world->rig, "mmap");
}

static void
start_daemon(struct storm_world *world, unsigned daemon)
{
    struct bh_rig *rig = &world->rig;
    struct bh_rig_options options = rig->options;
    options.redis = bh_rig_text(rig,
                                "url = unix://%s\nusername = storm\npassword = storm\n"
                                "command_timeout = 1s\nconnect_timeout = 500ms",
                                world->seats[daemon].line_path);
    const char *journal = storm_journal(world, daemon);
    if (mkdir(journal, 0700) != 0)
        bh_rig_fail(rig, "%s cannot be made", journal);
    options.pool = bh_rig_text(rig, "%s\njournal = %s", rig->options.pool, journal);
    const char *environment[] = {storm_seat_environment(world, daemon), NULL};
    bh_rig_start_daemon(rig, &options, environment);
}

/* The quarantine of the address sanitizer looks like a leak of hundreds of MiB. */
static void
bound_the_sanitizer(void)
{
    static char options[512];
    const char *given = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof(options), "%s%squarantine_size_mb=4", given != NULL ? given : "",
             given != NULL && given[0] != '\0' ? ":" : "");
    setenv("ASAN_OPTIONS", options, 1);
}

static void
start_world(struct storm_world *world)
{
    static const char *const keeps_all[] = {
        "--appendonly", "yes",    "--appendfsync", "always", "--enable-debug-command",
        "yes",          "--user", "storm",         "on",     ">storm",
        "~*",           "&*",     "+@all",         NULL};
    static const char *const keeps_most[] = {
        "--appendonly", "yes",    "--appendfsync", "everysec", "--enable-debug-command",
        "yes",          "--user", "storm",         "on",       ">storm",
        "~*",           "&*",     "+@all",         NULL};
    const struct bh_rig_options options = {
        .without_daemon = true,
        .gateway = "connect_timeout = 500ms\ntimeout = 2s\nreload_lock = 20s\n"
                   "balance_interval = 10s",
        .pool = "workers = 2\nlease = 5s\ndrain_timeout = 3s",
        .status = "events = 1000000",
        .queues = "[queue sms]\nretry = 1s*\n"
                  "[queue careful]\ntype = sms\nretry = 1s*\non_uncertain = hold\n"
                  "[queue voice]\ntype = voice\nretry = 1s*\n",
        .sim = "[lock]\nseconds = 20\n[gateway]\nanswer_delay_ms = 20\njournal_max = 1000000\n"
               "[reports]\nplan = none\nvoice_plan = none\n",
        .redis_args = world->storm->forgets ? keeps_most : keeps_all,
    };
    bound_the_sanitizer();
    bh_rig_start(&world->rig, &options);
    const struct bh_linecut_options wire = {.upstream_port = world->rig.sim_port};
    world->wire = bh_linecut_start(&wire);
    world->rig.gateway_port = bh_linecut_port(world->wire);
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        prepare_seat(world, i);
        start_daemon(world, i);
    }
}

static void
stop_world(struct storm_world *world)
{
    /* The lines lie in the rig's directory, so they go first; the daemons end without Redis, too. */
    bh_rig_stop(&world->rig);
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        bh_linecut_stop(world->seats[i].line);
        munmap(world->seats[i].shift_ms, sizeof(*world->seats[i].shift_ms));
    }
    bh_linecut_stop(world->wire);
    free(world->plan.strikes);
    free(world->jobs.items);
    free(world->gaps);
}

/* Where nothing else is left, a lost answer is asked for again minutes and an hour later: nobody waits for that here. */
#define FAR_AWAY_MS (100 * 1000)

static long long
unfinished(struct storm_world *world)
{
    static const char *const queues[] = {"sms", "careful", "voice"};
    long long count = 0;
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
        count += bh_rig_unfinished(&world->rig, queues[i]) -
                 bh_rig_integer(&world->rig, "ZCOUNT bellhop:{%s}:due %lld +inf", queues[i],
                                bh_unix_ms() + FAR_AWAY_MS);
    return count;
}

static long
largest_rss_kib(struct storm_world *world)
{
    long largest = 0;
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        long rss = bh_process_rss_kib(world->rig.daemons[i].process.pid);
        largest = rss > largest ? rss : largest;
    }
    return largest;
}

/* ---- progress -------------------------------------------------------------------------------------- */

/* Count what a daemon has told of sent jobs since the last look. */
static void
follow_log(struct storm_world *world, unsigned daemon)
{
    struct storm_seat *seat = &world->seats[daemon];
    char line[2048];
    FILE *file = fopen(world->rig.daemons[daemon].process.log, "r");
    if (file == NULL)
        return;
    fseek(file, seat->log_offset, SEEK_SET);
    while (fgets(line, sizeof(line), file) != NULL && strchr(line, '\n') != NULL) {
        seat->log_offset = ftell(file);
        seat->sent += strstr(line, " sent queue=") != NULL;
    }
    fclose(file);
}

static void
follow_logs(struct storm_world *world)
{
    for (unsigned i = 0; i < STORM_DAEMONS; i++)
        follow_log(world, i);
}

static bool
has_recovered(const struct storm_world *world, const struct storm_strike *strike)
{
    for (unsigned i = 0; i < STORM_DAEMONS; i++)
        if ((strike->daemon == i || strike->daemon == STORM_DAEMONS) &&
            world->seats[i].sent == strike->sent_before[i])
            return false;
    return true;
}

static void
tell(const struct storm_world *world, const struct storm_strike *strike, long recovery_ms)
{
    char after[48] = "not seen to recover";
    if (recovery_ms >= 0)
        snprintf(after, sizeof(after), "recovered after %.2f s", (double)recovery_ms / 1000);
    fprintf(stderr, "storm %s: %8.2f s  %-18s %-4s lasted %5.2f s, %s%s%s\n", world->storm->name,
            (double)(strike->began_at - world->begin_at) / 1000, storm_rows[strike->fault].name,
            strike->daemon == STORM_DAEMONS ? "all"
            : strike->daemon == 0           ? "one"
                                            : "two",
            (double)(strike->ended_at - strike->began_at) / 1000, after,
            strike->detail[0] != '\0' ? "; " : "", strike->detail);
}

static void
watch_recovery(struct storm_world *world, struct storm_strike *strike)
{
    struct storm_tally *tally = &world->toll->faults[strike->fault];
    if (!strike->ended || strike->recovered || !has_recovered(world, strike))
        return;
    long took = (long)(bh_now_ms() - strike->ended_at);
    strike->recovered = true;
    tally->recovered++;
    tally->worst_ms = took > tally->worst_ms ? took : tally->worst_ms;
    tell(world, strike, took);
}

/* ---- faults ---------------------------------------------------------------------------------------- */

static void
begin_strike(struct storm_world *world, struct storm_strike *strike)
{
    strike->began_at = bh_now_ms();
    world->toll->faults[strike->fault].struck++;
    storm_rows[strike->fault].begin(world, strike);
}

static void
end_strike(struct storm_world *world, struct storm_strike *strike)
{
    if (storm_rows[strike->fault].end != NULL)
        storm_rows[strike->fault].end(world, strike);
    follow_logs(world);
    strike->ended = true;
    strike->ended_at = bh_now_ms();
    for (unsigned i = 0; i < STORM_DAEMONS; i++)
        strike->sent_before[i] = world->seats[i].sent;
}

/*
 * The strikes of the plan lie domain by domain; `at` is the first that has not ended.  What took longer than planned puts
 * off all that follows in its domain, so that the rests between are kept.
 */
struct course {
    size_t at[STORM_DOMAINS], until[STORM_DOMAINS];
    long long behind_ms[STORM_DOMAINS];
};

static void
find_courses(const struct storm_plan *plan, struct course *ret_course)
{
    *ret_course = (struct course){0};
    for (size_t i = plan->count; i > 0; i--) {
        enum storm_domain domain = plan->strikes[i - 1].domain;
        ret_course->at[domain] = i - 1;
        if (ret_course->until[domain] == 0)
            ret_course->until[domain] = i;
    }
}

static void
advance(struct storm_world *world, struct course *course, bool over)
{
    for (int domain = 0; domain < STORM_DOMAINS; domain++) {
        if (course->at[domain] >= course->until[domain])
            continue;
        struct storm_strike *strike = &world->plan.strikes[course->at[domain]];
        long long age = age_of(world);
        if (strike->began_at == 0 && !over && age >= strike->begin_ms + course->behind_ms[domain])
            begin_strike(world, strike);
        if (strike->began_at == 0)
            continue;
        if (over || bh_now_ms() >= strike->began_at + strike->length_ms) {
            end_strike(world, strike);
            course->at[domain]++;
            course->behind_ms[domain] =
                strike->ended_at - world->begin_at - strike->begin_ms - strike->length_ms;
        }
    }
}

/* Nobody watches what happened long ago: it is told as not recovered at the end. */
static void
watch_recoveries(struct storm_world *world, const struct course *course)
{
    follow_logs(world);
    for (int domain = 0; domain < STORM_DOMAINS; domain++) {
        size_t end = course->at[domain];
        for (size_t i = end; i > 0 && end - i < WATCHED_MAX &&
                             world->plan.strikes[i - 1].domain == (enum storm_domain)domain;
             i--)
            watch_recovery(world, &world->plan.strikes[i - 1]);
    }
}

static bool
all_recovered(const struct storm_world *world)
{
    for (size_t i = 0; i < world->plan.count; i++)
        if (world->plan.strikes[i].ended && !world->plan.strikes[i].recovered)
            return false;
    return true;
}

static void
tell_the_rest(const struct storm_world *world)
{
    for (size_t i = 0; i < world->plan.count; i++)
        if (world->plan.strikes[i].ended && !world->plan.strikes[i].recovered)
            tell(world, &world->plan.strikes[i], -1);
}

/* ---- jobs ------------------------------------------------------------------------------------------ */

static void
push_until(struct storm_world *world, long long wanted)
{
    while (!world->redis_away && (long long)world->jobs.count < wanted)
        if (!storm_job_push(world))
            return;
}

/* A daemon whose end is no part of a fault has crashed by itself. */
static void
check_daemons(struct storm_world *world)
{
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        struct bh_process *process = &world->rig.daemons[i].process;
        if (!world->seats[i].may_be_down && !bh_process_is_running(process))
            bh_rig_fail(&world->rig, "daemon %u has ended with %d", i, process->end);
    }
}

bool
storm_append_file(struct storm_world *world, char *ret_path, size_t size)
{
    for (int number = 64; number > 0; number--) {
        snprintf(ret_path, size, "%s/appendonlydir/appendonly.aof.%d.incr.aof",
                 world->rig.redis.dir, number);
        if (access(ret_path, F_OK) == 0)
            return true;
    }
    return false;
}

static void
note_size(struct storm_world *world)
{
    char path[192];
    size_t room = sizeof(world->sizes) / sizeof(world->sizes[0]);
    size_t count = world->sizes_count;
    if (count > 0 && bh_now_ms() - world->sizes[count - 1].at < 100)
        return;
    FILE *file = storm_append_file(world, path, sizeof(path)) ? fopen(path, "r") : NULL;
    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    if (count == room) {
        memmove(world->sizes, world->sizes + 1, (room - 1) * sizeof(world->sizes[0]));
        count--;
    }
    world->sizes[count].at = bh_now_ms();
    world->sizes[count].bytes = ftell(file);
    world->sizes_count = count + 1;
    fclose(file);
}

/* Some jobs in good weather, so that what comes later can be compared with a daemon at work. */
static void
warm_up(struct storm_world *world)
{
    push_until(world, WARM_UP_JOBS);
    BH_RIG_UNTIL(&world->rig, unfinished(world) == 0);
    /* The gateway's connections are closed after 3 s without work. */
    bh_sleep_ms(4000);
    for (unsigned i = 0; i < STORM_DAEMONS; i++)
        world->seats[i].descriptors = bh_process_descriptors(world->rig.daemons[i].process.pid);
    world->toll->rss_start_kib = largest_rss_kib(world);
}

static void
blow(struct storm_world *world)
{
    struct course course;
    long long first = (long long)world->jobs.count, age;
    find_courses(&world->plan, &course);
    world->begin_at = bh_now_ms();
    while ((age = age_of(world)) < world->length_ms) {
        push_until(world, first + world->wanted_jobs * age / world->length_ms);
        advance(world, &course, false);
        watch_recoveries(world, &course);
        check_daemons(world);
        if (world->storm->forgets && !world->redis_away)
            note_size(world);
        bh_sleep_ms(STEP_MS);
    }
    advance(world, &course, true);
    push_until(world, first + world->wanted_jobs);
    /* What recovers can be seen only where there is something to do. */
    long long until = bh_now_ms() + AFTERGLOW_MS;
    while (!all_recovered(world) && bh_now_ms() < until) {
        push_until(world, (long long)world->jobs.count + 1);
        watch_recoveries(world, &course);
        bh_sleep_ms(AFTERGLOW_GAP);
    }
    tell_the_rest(world);
}

static void
come_to_rest(struct storm_world *world)
{
    BH_RIG_UNTIL_MS(&world->rig, LAST_JOB_MS, unfinished(world) == 0);
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        pid_t pid = world->rig.daemons[i].process.pid;
        long long until = bh_now_ms() + REST_MS, more = 0;
        do {
            bh_sleep_ms(STEP_MS);
            more = (long long)bh_process_descriptors(pid) - world->seats[i].descriptors;
        } while (more > 0 && bh_now_ms() < until);
        if (more > world->toll->descriptors_more)
            world->toll->descriptors_more = more;
    }
    world->toll->rss_end_kib = largest_rss_kib(world);
}

bool
storm_run(const struct storm *storm, unsigned seconds, unsigned jobs, struct storm_toll *ret_toll)
{
    static struct storm_world world;
    const char *plan = getenv("BH_STORM_PLAN");
    *ret_toll = (struct storm_toll){0};
    world = (struct storm_world){
        .storm = storm,
        .toll = ret_toll,
        .seed = from_environment("BH_STORM_SEED", (unsigned long long)bh_unix_ms()),
        .length_ms = (long long)from_environment("BH_STORM_SECONDS", seconds) * 1000,
    };
    /* Longer means more jobs, unless their number is said. */
    world.wanted_jobs = (long long)from_environment(
        "BH_STORM_JOBS", (unsigned long long)(jobs * world.length_ms / 1000 / seconds));
    fprintf(stderr, "storm %s: BH_STORM_SEED=%llu\n", storm->name, world.seed);
    storm_plan_make(storm, world.seed, world.length_ms, &world.plan);
    if (plan != NULL && strcmp(plan, "only") == 0) {
        storm_plan_print(storm, &world.plan);
        free(world.plan.strikes);
        return false;
    }
    bh_dice_init_number(&world.jobs.dice, world.seed);
    start_world(&world);
    warm_up(&world);
    blow(&world);
    come_to_rest(&world);
    storm_count(&world);
    stop_world(&world);
    return true;
}

void
storm_print(const struct storm *storm, const struct storm_toll *toll)
{
    unsigned struck = 0;
    fprintf(stderr, "storm %s: %-18s %6s %9s  worst recovery\n", storm->name, "fault", "struck",
            "recovered");
    for (int fault = 0; fault < STORM_FAULTS; fault++) {
        const struct storm_tally *tally = &toll->faults[fault];
        struck += tally->struck;
        if (tally->struck > 0)
            fprintf(stderr, "storm %s: %-18s %6u %9u  %8.2f s\n", storm->name,
                    storm_rows[fault].name, tally->struck, tally->recovered,
                    (double)tally->worst_ms / 1000);
    }
    fprintf(stderr,
            "storm %s: %u faults, %lld of them kills; %lld jobs to %lld recipients: accepted %lld, "
            "sent %lld, unknown %lld, undecided %lld, expired %lld, invalid %lld, recovered "
            "%lld\n"
            "storm %s: lost %lld, doubled %lld, doubled after an answer that nothing cleared up "
            "%lld, sent by another host after Redis had forgotten it %lld, odd %lld, buried %lld, "
            "early %lld, forgotten by Redis %lld\n"
            "storm %s: left in Redis %lld, gauges off %lld, descriptors more %lld, "
            "memory %ld -> %ld KiB\n",
            storm->name, struck, toll->kills, toll->jobs, toll->recipients, toll->accepted,
            toll->sent, toll->unknown, toll->undecided, toll->expired, toll->invalid,
            toll->recovered, storm->name, toll->lost, toll->doubled, toll->doubled_uncertain,
            toll->doubled_elsewhere, toll->odd, toll->buried, toll->early, toll->forgotten,
            storm->name, toll->left, toll->gauges_off, toll->descriptors_more, toll->rss_start_kib,
            toll->rss_end_kib);
}
