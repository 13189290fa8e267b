/* top: what `bellhop status` shows, live. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/picture_text.h"
#include "cli/terminal.h"
#include "cli/top_act.h"
#include "cli/top_look.h"
#include "core/duration.h"

#define LINE_MAX         ((size_t)16 * 1024)
#define INTERVAL_DEFAULT 2000
#define INTERVAL_MIN     500
#define INTERVAL_MAX     60000
#define NOTE_MS          5000

/* A picture that is older than its interval and this is not of now. */
#define LATE_MS 3000

struct top_options {
    const char *interval;
};

static const struct bh_option top_option_rows[] = {
    {"interval", BH_OPTION_TEXT, "DURATION", "between two looks, 500ms to 60s (2s)",
     offsetof(struct top_options, interval)},
};

enum mode {
    MODE_LIST,
    MODE_HELP,
    MODE_FILTER,  /* a name is typed */
    MODE_CONFIRM, /* y or n */
};

struct top {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    struct bh_terminal *terminal;
    struct bh_top_look *look;
    bh_ms interval_ms;

    struct bh_picture picture; /* the newest that is whole */
    bool any;                  /* there is one */
    int64_t picture_at;        /* when it came; our monotonic clock */
    struct bh_wall picture_wall;
    int64_t begun_at;
    struct bh_judgement verdict; /* of the newest, whole or not; its queue is of no use */
    bool judged;
    char trouble[256]; /* why the newest is not whole; "" */

    enum mode mode;
    size_t sort; /* in columns[] */
    char filter[BH_QUEUE_NAME_MAX + 1];
    size_t order[BH_CONFIG_QUEUES_MAX]; /* of those that are shown: their places in the choice */
    size_t shown;
    size_t selected;              /* its place in the choice */
    enum bh_top_act_kind confirm; /* what is asked about */
    char note[BH_TOP_NOTE_MAX];
    int64_t note_at;
};

static int64_t
mono_ms(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    BH_ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Columns ---- */

enum column_kind {
    COLUMN_NAME,
    COLUMN_READY,
    COLUMN_SCHEDULED,
    COLUMN_RETRYING,
    COLUMN_HELD,
    COLUMN_IN_FLIGHT,
    COLUMN_UNCERTAIN,
    COLUMN_DEAD,
    COLUMN_OLDEST,
    COLUMN_IN,
    COLUMN_OUT,
    COLUMN_DRAIN,
};

#define COLUMN_COUNT (COLUMN_DRAIN + 1)

/* A narrow terminal shows those of a low rank. */
static const struct {
    const char *title;
    size_t width;
    unsigned rank;
} columns[COLUMN_COUNT] = {
    [COLUMN_NAME] = {"QUEUE",  12, 0 },
      [COLUMN_READY] = {"READY",  7,  1 },
    [COLUMN_SCHEDULED] = {"SCHED",  7,  11},
      [COLUMN_RETRYING] = {"RETRY",  7,  8 },
    [COLUMN_HELD] = {"HELD",   7,  4 },
      [COLUMN_IN_FLIGHT] = {"FLIGHT", 7,  10},
    [COLUMN_UNCERTAIN] = {"UNCERT", 7,  9 },
      [COLUMN_DEAD] = {"DEAD",   6,  6 },
    [COLUMN_OLDEST] = {"OLDEST", 11, 2 },
      [COLUMN_IN] = {"IN/S",   7,  7 },
    [COLUMN_OUT] = {"OUT/S",  7,  3 },
      [COLUMN_DRAIN] = {"DRAIN",  13, 5 },
};

static bool
fits(enum column_kind column, size_t width)
{
    size_t used = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i].rank <= columns[column].rank)
            used += columns[i].width;
    }
    return used <= width;
}

static int64_t
value_of(const struct bh_picture_queue *queue, enum column_kind column)
{
    switch (column) {
    case COLUMN_NAME: return 0;
    case COLUMN_READY: return (int64_t)queue->ready;
    case COLUMN_SCHEDULED: return bh_picture_find(queue, "now:scheduled");
    case COLUMN_RETRYING: return bh_picture_find(queue, "now:retrying");
    case COLUMN_HELD: return (int64_t)queue->held;
    case COLUMN_IN_FLIGHT: return (int64_t)queue->view.leases;
    case COLUMN_UNCERTAIN: return bh_picture_find(queue, "now:uncertain");
    case COLUMN_DEAD: return (int64_t)queue->view.dead;
    case COLUMN_OLDEST: return queue->oldest_ms;
    case COLUMN_IN: return queue->flow.in_milli;
    case COLUMN_OUT: return queue->flow.out_milli;
    case COLUMN_DRAIN:
        if (queue->ready + queue->held == 0)
            return 0;
        return queue->drain_ms < 0 ? INT64_MAX : queue->drain_ms;
    }
    return 0;
}

/* At most six characters. */
static struct bh_cell_text
count_text(int64_t count)
{
    static const char units[] = "kMGTP";
    struct bh_cell_text cell = {"-"};
    size_t unit = 0;
    if (count > 0 && count < 100000)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64, count);
    if (count < 100000)
        return cell;
    for (count /= 1000; count >= 10000 && unit + 2 < sizeof(units); unit++)
        count /= 1000;
    (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 "%c", count, units[unit]);
    return cell;
}

static struct bh_cell_text
cell_of(const struct bh_picture_queue *queue, enum column_kind column)
{
    struct bh_cell_text cell = {"?"};
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    if (column == COLUMN_DRAIN)
        (void)snprintf(cell.text, sizeof(cell.text), "%.16s%s", bh_drain_text(queue).text,
                       bh_verdict_is_too_slow(&facts) ? " !" : "");
    else if (column == COLUMN_OLDEST && queue->oldest_ms == 0)
        cell.text[0] = '-';
    else if (column == COLUMN_OLDEST)
        (void)snprintf(cell.text, sizeof(cell.text), "%.31s",
                       bh_display_span(queue->oldest_ms).text);
    else if (column == COLUMN_IN || column == COLUMN_OUT)
        cell = queue->flow_known ? bh_rate_text(value_of(queue, column)) : cell;
    else
        cell = count_text(value_of(queue, column));
    return cell;
}

static void
append_name(struct bh_buf *line, const char *name, size_t width)
{
    (void)bh_buf_printf(line, "%-*.*s", (int)width, (int)width, name);
}

/* The name's column has what the others leave. */
static void
append_row(struct bh_buf *line, const char *name, const struct bh_picture_queue *queue,
           size_t width)
{
    size_t others = 0;
    for (int i = COLUMN_NAME + 1; i < COLUMN_COUNT; i++)
        others += fits((enum column_kind)i, width) ? columns[i].width : 0;
    size_t left = width > others ? width - others : 1;
    append_name(line, name, left < BH_QUEUE_NAME_MAX + 2 ? left : BH_QUEUE_NAME_MAX + 2);
    for (int i = COLUMN_NAME + 1; i < COLUMN_COUNT; i++) {
        if (fits((enum column_kind)i, width))
            (void)bh_buf_printf(
                line, "%*s", (int)columns[i].width,
                queue != NULL ? cell_of(queue, (enum column_kind)i).text : columns[i].title);
    }
}

/* ---- Which queues, in which order ---- */

static bool
goes_before(const struct top *top, size_t a, size_t b)
{
    if (top->sort == COLUMN_NAME || !top->any)
        return a < b;
    int64_t left = value_of(&top->picture.queues[a], (enum column_kind)top->sort);
    int64_t right = value_of(&top->picture.queues[b], (enum column_kind)top->sort);
    return left != right ? left > right : a < b;
}

static void
arrange(struct top *top)
{
    bool selected = false;
    top->shown = 0;
    for (size_t i = 0; i < top->queues.count; i++) {
        if (strstr(top->queues.names[i], top->filter) == NULL)
            continue;
        size_t at = top->shown++;
        for (; at > 0 && goes_before(top, i, top->order[at - 1]); at--)
            top->order[at] = top->order[at - 1];
        top->order[at] = i;
        selected = selected || i == top->selected;
    }
    if (!selected && top->shown > 0)
        top->selected = top->order[0];
}

static size_t
place_of_selected(const struct top *top)
{
    size_t at = 0;
    while (at < top->shown && top->order[at] != top->selected)
        at++;
    return at;
}

/* ---- Drawing ---- */

typedef void append_line(struct bh_buf *buf, const struct bh_picture *picture);

static void
draw_line(struct bh_frame *frame, append_line *append, const struct bh_picture *picture)
{
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    append(&line, picture);
    if (line.len > 0)
        bh_frame_line(frame, BH_STYLE_PLAIN, false, bh_buf_text(&line));
    bh_buf_release(&line);
}

/* True: the figures are not of now. */
static bool
is_late(const struct top *top)
{
    int64_t since = top->any ? top->picture_at : top->begun_at;
    return mono_ms() - since > top->interval_ms + LATE_MS;
}

static void
draw_verdict(const struct top *top, struct bh_frame *frame)
{
    struct bh_buf line;
    size_t rows_max = frame->rows < 12 ? 2 : 3;
    enum bh_style style = bh_gravity_style(top->verdict.gravity);
    bh_buf_init(&line, LINE_MAX);
    if (top->trouble[0] == '\0' && is_late(top)) {
        style = BH_STYLE_BAD;
        (void)bh_buf_printf(&line, "Redis gives no answer since %s.",
                            top->any ? bh_display_time(top->picture_wall).text : "we asked");
    } else if (top->judged) {
        bh_picture_append_verdict(&line, &top->verdict);
    } else {
        (void)bh_buf_append_text(&line, "Looking ...");
    }
    bh_frame_text(frame, style, rows_max, bh_buf_text(&line));
    if (top->trouble[0] != '\0') {
        bh_buf_clear(&line);
        (void)bh_buf_printf(&line, "no answer since %s",
                            top->any ? bh_display_time(top->picture_wall).text : "the beginning");
        bh_frame_line(frame, BH_STYLE_WARN, false, bh_buf_text(&line));
    }
    bh_buf_release(&line);
}

static void
append_codes_1(struct bh_buf *buf, const struct bh_picture *picture)
{
    (void)bh_buf_append_text(buf, "codes  1 min: ");
    bh_picture_append_codes(buf, picture, BH_MINUTE_MS);
}

static void
append_codes_15(struct bh_buf *buf, const struct bh_picture *picture)
{
    (void)bh_buf_append_text(buf, "      15 min: ");
    bh_picture_append_codes(buf, picture, 15 * BH_MINUTE_MS);
}

static void
append_codes_60(struct bh_buf *buf, const struct bh_picture *picture)
{
    (void)bh_buf_append_text(buf, "      60 min: ");
    bh_picture_append_codes(buf, picture, BH_HOUR_MS);
}

/* Few rows belong to the queues. */
static void
draw_head(const struct top *top, struct bh_frame *frame)
{
    static const struct {
        append_line *append;
        size_t rows_min;
    } lines[] = {
        {bh_picture_append_account, 14},
        {bh_picture_append_workers, 16},
        {bh_picture_append_gateway, 18},
        {bh_picture_append_server,  20},
        {append_codes_1,            20},
        {append_codes_15,           24},
        {append_codes_60,           24},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(lines) && top->any; i++) {
        if (frame->rows >= lines[i].rows_min)
            draw_line(frame, lines[i].append, &top->picture);
    }
    if (frame->rows >= 14)
        bh_frame_line(frame, BH_STYLE_PLAIN, false, "");
}

static enum bh_style
style_of(const struct bh_picture_queue *queue)
{
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    if (bh_verdict_is_too_slow(&facts))
        return BH_STYLE_BAD;
    return queue->view.paused || queue->held > 0 ? BH_STYLE_WARN : BH_STYLE_PLAIN;
}

static void
draw_queue(const struct top *top, struct bh_frame *frame, size_t queue)
{
    struct bh_buf line;
    char name[BH_QUEUE_NAME_MAX + 16];
    const struct bh_picture_queue *about = &top->picture.queues[queue];
    bh_buf_init(&line, LINE_MAX);
    (void)snprintf(name, sizeof(name), "%s%s", about->view.paused ? "= " : "",
                   top->queues.names[queue]);
    append_row(&line, name, about, frame->columns);
    bh_frame_line(frame, style_of(about), queue == top->selected, bh_buf_text(&line));
    bh_buf_release(&line);
}

static void
draw_queues(const struct top *top, struct bh_frame *frame)
{
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    append_row(&line, columns[COLUMN_NAME].title, NULL, frame->columns);
    bh_frame_line(frame, BH_STYLE_DIM, false, bh_buf_text(&line));
    bh_buf_release(&line);
    if (!top->any)
        return;
    size_t room = frame->rows > frame->row + 1 ? frame->rows - frame->row - 1 : 0;
    size_t place = place_of_selected(top);
    size_t first = place >= room && room > 0 ? place - room + 1 : 0;
    for (size_t i = first; i < top->shown && i - first < room; i++)
        draw_queue(top, frame, top->order[i]);
}

static void
draw_help(struct bh_frame *frame)
{
    static const char *const lines[] = {
        "q quit          ? this help",
        "j k, arrows     select a queue",
        "s S             sort by the next, the last column",
        "/               show queues whose name has ...",
        "p               pause or resume the queue",
        "r               retry its waiting jobs now",
        "+ -             look less, more often",
        "= before a name: paused;  ! jobs expire",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(lines); i++)
        bh_frame_line(frame, BH_STYLE_PLAIN, false, lines[i]);
}

/* ---- The last line ---- */

static void
append_question(const struct top *top, struct bh_buf *line)
{
    const char *name = top->queues.names[top->selected];
    if (top->confirm == BH_TOP_RETRY)
        (void)bh_buf_printf(line, "retry %" PRIu64 " waiting jobs of %s now? y/n",
                            bh_top_act_retryable(&top->picture.queues[top->selected]), name);
    else
        (void)bh_buf_printf(line, "%s queue %s? y/n",
                            top->confirm == BH_TOP_PAUSE ? "pause" : "resume", name);
}

static void
append_bottom(const struct top *top, struct bh_buf *line)
{
    if (top->mode == MODE_FILTER)
        (void)bh_buf_printf(line, "/%s_  (enter: keep, escape: all)", top->filter);
    else if (top->mode == MODE_CONFIRM)
        append_question(top, line);
    else if (top->note[0] != '\0')
        (void)bh_display_append(line, bh_str_from(top->note));
    else
        (void)bh_buf_printf(line, "q quit  ? help  by %s  %s%s%s  %s", columns[top->sort].title,
                            top->filter[0] != '\0' ? "/" : "", top->filter,
                            top->filter[0] != '\0' ? " " : "",
                            bh_duration_format(top->interval_ms).text);
}

static bool
draw(struct top *top)
{
    struct bh_frame frame;
    struct bh_buf line;
    if (top->note[0] != '\0' && mono_ms() - top->note_at > NOTE_MS)
        top->note[0] = '\0';
    bh_frame_begin(&frame, top->terminal);
    draw_verdict(top, &frame);
    if (top->mode == MODE_HELP)
        draw_help(&frame);
    else {
        draw_head(top, &frame);
        draw_queues(top, &frame);
    }
    bh_frame_fill(&frame, 1);
    bh_buf_init(&line, LINE_MAX);
    append_bottom(top, &line);
    bh_frame_line(&frame, top->mode == MODE_CONFIRM ? BH_STYLE_WARN : BH_STYLE_DIM, false,
                  bh_buf_text(&line));
    bh_buf_release(&line);
    return bh_frame_end(&frame);
}

/* ---- News ---- */

static void
take_news(struct top *top)
{
    struct bh_judgement verdicts[BH_CAUSE_COUNT];
    struct bh_picture picture;
    if (bh_top_look_note(top->look, top->note))
        top->note_at = mono_ms();
    if (!bh_top_look_take(top->look, &picture))
        return;
    (void)bh_picture_judge(&picture, verdicts);
    top->verdict = verdicts[0];
    top->judged = true;
    (void)snprintf(top->trouble, sizeof(top->trouble), "%s",
                   picture.redis_up ? "" : "Redis cannot be asked");
    if (!picture.redis_up) {
        bh_picture_release(&picture);
        return;
    }
    bh_picture_release(&top->picture);
    top->picture = picture;
    top->any = true;
    top->picture_at = mono_ms();
    top->picture_wall = bh_cli_now();
}

/* ---- Keys ---- */

static void
move(struct top *top, bool down)
{
    size_t place = place_of_selected(top);
    if (down && place + 1 < top->shown)
        top->selected = top->order[place + 1];
    if (!down && place > 0 && place < top->shown)
        top->selected = top->order[place - 1];
}

static void
change_interval(struct top *top, bool longer)
{
    bh_ms wanted = longer ? top->interval_ms * 2 : top->interval_ms / 2;
    top->interval_ms = bh_ms_min(bh_ms_max(wanted, INTERVAL_MIN), INTERVAL_MAX);
    bh_top_look_set_interval(top->look, top->interval_ms);
}

static void
ask_pause(struct top *top)
{
    if (!top->any || top->shown == 0)
        return;
    top->confirm = top->picture.queues[top->selected].view.paused ? BH_TOP_RESUME : BH_TOP_PAUSE;
    top->mode = MODE_CONFIRM;
}

static void
ask_retry(struct top *top)
{
    if (!top->any || top->shown == 0)
        return;
    if (bh_top_act_retryable(&top->picture.queues[top->selected]) == 0) {
        (void)snprintf(top->note, sizeof(top->note), "%s: no job waits for its next try",
                       top->queues.names[top->selected]);
        top->note_at = mono_ms();
        return;
    }
    top->confirm = BH_TOP_RETRY;
    top->mode = MODE_CONFIRM;
}

/* What may stand in a queue's name. */
static bool
is_name_byte(int key)
{
    return (key >= 'a' && key <= 'z') || (key >= '0' && key <= '9') || key == '-' || key == '_';
}

static void
filter_key(struct top *top, int key)
{
    size_t len = strlen(top->filter);
    if (key == '\r' || key == '\n' || key == BH_TERMINAL_ESCAPE)
        top->mode = MODE_LIST;
    if (key == BH_TERMINAL_ESCAPE)
        top->filter[0] = '\0';
    else if ((key == 0x7F || key == 0x08) && len > 0)
        top->filter[len - 1] = '\0';
    else if (is_name_byte(key) && len < BH_QUEUE_NAME_MAX)
        (void)snprintf(top->filter + len, sizeof(top->filter) - len, "%c", (char)key);
}

static void
confirm_key(struct top *top, int key)
{
    top->mode = MODE_LIST;
    if (key != 'y' && key != 'Y')
        return;
    (void)snprintf(top->note, sizeof(top->note), "asking Redis ...");
    top->note_at = mono_ms();
    bh_top_look_ask(top->look, top->selected, top->confirm);
}

/* False: it is to end. */
static bool
list_key(struct top *top, int key)
{
    switch (key) {
    case 'q': return false;
    case '?':
    case 'h': top->mode = MODE_HELP; break;
    case '/': top->mode = MODE_FILTER; break;
    case 's': top->sort = (top->sort + 1) % COLUMN_COUNT; break;
    case 'S': top->sort = (top->sort + COLUMN_COUNT - 1) % COLUMN_COUNT; break;
    case 'p': ask_pause(top); break;
    case 'r': ask_retry(top); break;
    case '+': change_interval(top, true); break;
    case '-': change_interval(top, false); break;
    case 'j':
    case BH_TERMINAL_DOWN: move(top, true); break;
    case 'k':
    case BH_TERMINAL_UP: move(top, false); break;
    default: break;
    }
    return true;
}

static bool
take_key(struct top *top, int key)
{
    switch (top->mode) {
    case MODE_LIST: return list_key(top, key);
    case MODE_HELP: top->mode = MODE_LIST; return key != 'q';
    case MODE_FILTER: filter_key(top, key); return true;
    case MODE_CONFIRM: confirm_key(top, key); return true;
    }
    return true;
}

/* ---- The command ---- */

static void
on_news(void *arg)
{
    struct top *top = arg;
    bh_terminal_wake(top->terminal);
}

static void
live(struct top *top)
{
    enum bh_terminal_event event = BH_TERMINAL_NOTHING;
    while (event != BH_TERMINAL_END) {
        int key = 0;
        take_news(top);
        arrange(top);
        if (!draw(top))
            return;
        event = bh_terminal_wait(top->terminal, 1000, &key);
        if (event == BH_TERMINAL_KEY && !take_key(top, key))
            return;
    }
}

static enum bh_exit
take_interval(const struct top_options *wanted, bh_ms *ret_interval)
{
    struct bh_error error;
    *ret_interval = INTERVAL_DEFAULT;
    if (wanted->interval == NULL)
        return BH_EXIT_DONE;
    if (bh_duration_parse(bh_str_from(wanted->interval), BH_UNIT_REQUIRED, ret_interval, &error) !=
        BH_OK)
        return bh_cli_misuse("--interval: %s", error.text);
    if (*ret_interval < INTERVAL_MIN || *ret_interval > INTERVAL_MAX)
        return bh_cli_misuse("--interval: from 500ms to 60s");
    return BH_EXIT_DONE;
}

static enum bh_exit
top_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct top top = {.cli = cli, .begun_at = mono_ms()};
    if (operands.count > 0)
        return bh_cli_misuse("top takes no operands");
    enum bh_exit result = take_interval(options, &top.interval_ms);
    if (result == BH_EXIT_DONE)
        result = bh_configuration_queues(cli, NULL, &top.queues);
    if (result == BH_EXIT_DONE)
        result = bh_terminal_open(&top.terminal);
    if (result != BH_EXIT_DONE)
        return result;
    top.look = bh_top_look_start(cli, &top.queues, top.interval_ms, on_news, &top);
    if (top.look != NULL)
        live(&top);
    bh_terminal_leave(top.terminal);
    if (top.look == NULL)
        result = bh_cli_fail("short of memory");
    bh_top_look_stop(top.look);
    bh_terminal_close(top.terminal);
    bh_picture_release(&top.picture);
    return result;
}

const struct bh_command_row bh_command_top = {
    .name = "top",
    .summary = "show what status shows, live",
    .usage = "[--interval DURATION]",
    .text =
        "The first lines name the cause, as in bellhop status.  A narrow terminal leaves out "
        "columns.\n"
        "Keys: q quit, ? help, j k and arrows select, s S sort, / filter by name, p pause or "
        "resume the\n"
        "queue (asks), r retry its waiting jobs (asks), + - interval.  \"=\" before a name: "
        "paused; \"!\": jobs\n"
        "expire before their turn.\n\n"
        "r is about jobs that wait for their next try, are uncertain, or held by no operator; not "
        "about those\n"
        "whose delay is not over.  What p and r change is told by bellhop audit.\n\n"
        "examples:\n"
        "  bellhop top\n"
        "  bellhop top --interval 10s",
    .options = top_option_rows,
    .options_count = BH_ARRAY_LEN(top_option_rows),
    .options_size = sizeof(struct top_options),
    .run = top_run,
};
