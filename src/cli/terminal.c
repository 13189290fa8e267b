#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/alloc.h"

#define FRAME_MAX ((size_t)1024 * 1024)
#define ROWS_MAX  1000

/* The other screen, no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

struct bh_terminal {
    struct termios before;
    int pipe[2]; /* a byte per signal and wake */
    struct sigaction old[8];
    unsigned char keys[64]; /* read and not handed out */
    size_t keys_count;
    bool drawn; /* the screen is ours */
};

/* A handler can reach nothing else. */
static volatile sig_atomic_t signal_pipe = -1;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};

static void
put_byte(int fd, unsigned char byte)
{
    ssize_t written = write(fd, &byte, 1);
    (void)written; /* a full pipe wakes as well */
}

static void
on_signal(int number)
{
    int saved = errno;
    put_byte(signal_pipe, (unsigned char)number);
    errno = saved;
}

static bool
write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, len);
        struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            (void)poll(&room, 1, 1000);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void
enter(struct bh_terminal *terminal)
{
    struct termios raw = terminal->before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    (void)write_all(ENTER, sizeof(ENTER) - 1);
    terminal->drawn = true;
}

static void
leave(struct bh_terminal *terminal)
{
    if (!terminal->drawn)
        return;
    (void)write_all(LEAVE, sizeof(LEAVE) - 1);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    terminal->drawn = false;
}

static void
take_signals(struct bh_terminal *terminal)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < BH_ARRAY_LEN(signals); i++)
        (void)sigaction(signals[i], &action, &terminal->old[i]);
}

static void
give_signals(struct bh_terminal *terminal)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(signals); i++)
        (void)sigaction(signals[i], &terminal->old[i], NULL);
}

static bool
open_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    return true;
}

enum bh_exit
bh_terminal_open(struct bh_terminal **ret_terminal)
{
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
        return bh_cli_fail("this needs a terminal; `bellhop status` prints the same once");
    struct bh_terminal *terminal = bh_alloc_zero(sizeof(*terminal));
    if (terminal == NULL)
        return bh_cli_fail("short of memory");
    if (tcgetattr(STDIN_FILENO, &terminal->before) != 0 || !open_pipe(terminal->pipe)) {
        bh_free(terminal);
        return bh_cli_fail("the terminal cannot be used: %s", strerror(errno));
    }
    signal_pipe = terminal->pipe[1];
    take_signals(terminal);
    enter(terminal);
    *ret_terminal = terminal;
    return BH_EXIT_DONE;
}

void
bh_terminal_leave(struct bh_terminal *terminal)
{
    leave(terminal);
}

void
bh_terminal_close(struct bh_terminal *terminal)
{
    if (terminal == NULL)
        return;
    leave(terminal);
    give_signals(terminal);
    signal_pipe = -1;
    (void)close(terminal->pipe[0]);
    (void)close(terminal->pipe[1]);
    bh_free(terminal);
}

void
bh_terminal_wake(struct bh_terminal *terminal)
{
    put_byte(terminal->pipe[1], 0);
}

/* ---- Events ---- */

/* Give the terminal back, stop as if nobody had asked, and take it again afterwards. */
static void
stop_here(struct bh_terminal *terminal)
{
    struct sigaction usual = {.sa_handler = SIG_DFL}, ours;
    leave(terminal);
    (void)sigaction(SIGTSTP, &usual, &ours);
    (void)raise(SIGTSTP);
    (void)sigaction(SIGTSTP, &ours, NULL);
    enter(terminal);
}

static enum bh_terminal_event
take_signal(struct bh_terminal *terminal)
{
    unsigned char number;
    enum bh_terminal_event event = BH_TERMINAL_NOTHING;
    while (read(terminal->pipe[0], &number, 1) == 1) {
        switch (number) {
        case SIGINT:
        case SIGTERM:
        case SIGHUP: return BH_TERMINAL_END;
        case SIGTSTP: stop_here(terminal); break;
        case SIGCONT: enter(terminal); break; /* somebody may have used it meanwhile */
        case SIGWINCH: break;
        default: continue;
        }
        event = BH_TERMINAL_RESIZED;
    }
    return event;
}

static void
drop_keys(struct bh_terminal *terminal, size_t count)
{
    terminal->keys_count -= count;
    memmove(terminal->keys, terminal->keys + count, terminal->keys_count);
}

/* ESC [ or ESC O, parameters, and a letter. */
static int
take_sequence(struct bh_terminal *terminal)
{
    size_t end = 2;
    while (end < terminal->keys_count && (terminal->keys[end] < 0x40 || terminal->keys[end] > 0x7E))
        end++;
    unsigned char last = end < terminal->keys_count ? terminal->keys[end] : 0;
    drop_keys(terminal, end < terminal->keys_count ? end + 1 : end);
    return last == 'A' ? BH_TERMINAL_UP : last == 'B' ? BH_TERMINAL_DOWN : BH_TERMINAL_OTHER;
}

static int
take_key(struct bh_terminal *terminal)
{
    unsigned char first = terminal->keys[0];
    if (first == 0x1B && terminal->keys_count > 1 &&
        (terminal->keys[1] == '[' || terminal->keys[1] == 'O'))
        return take_sequence(terminal);
    drop_keys(terminal, 1);
    return first == 0x1B ? BH_TERMINAL_ESCAPE : (int)first;
}

static bool
read_keys(struct bh_terminal *terminal)
{
    ssize_t count = read(STDIN_FILENO, terminal->keys, sizeof(terminal->keys));
    if (count > 0)
        terminal->keys_count = (size_t)count;
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

enum bh_terminal_event
bh_terminal_wait(struct bh_terminal *terminal, int timeout_ms, int *ret_key)
{
    struct pollfd waits[] = {
        {.fd = STDIN_FILENO,      .events = POLLIN},
        {.fd = terminal->pipe[0], .events = POLLIN},
    };
    if (terminal->keys_count == 0) {
        int ready = poll(waits, BH_ARRAY_LEN(waits), timeout_ms);
        if (ready <= 0)
            return BH_TERMINAL_NOTHING;
        if (waits[1].revents != 0)
            return take_signal(terminal);
        if (!read_keys(terminal))
            return BH_TERMINAL_END;
    }
    if (terminal->keys_count == 0)
        return BH_TERMINAL_NOTHING;
    *ret_key = take_key(terminal);
    return BH_TERMINAL_KEY;
}

/* ---- Frames ---- */

void
bh_frame_begin(struct bh_frame *frame, const struct bh_terminal *terminal)
{
    struct winsize size = {.ws_row = 0};
    (void)terminal;
    *frame = (struct bh_frame){.columns = 80, .rows = 24};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        frame->columns = size.ws_col < ROWS_MAX ? size.ws_col : ROWS_MAX;
        frame->rows = size.ws_row < ROWS_MAX ? size.ws_row : ROWS_MAX;
    }
    bh_buf_init(&frame->bytes, FRAME_MAX);
    (void)bh_buf_append_text(&frame->bytes, "\033[H");
}

/* The bytes of the first `columns` characters. */
static size_t
bytes_of(const char *text, size_t columns)
{
    size_t at = 0;
    while (text[at] != '\0') {
        if (((unsigned char)text[at] & 0xC0) != 0x80 && columns-- == 0)
            break;
        at++;
    }
    return at;
}

static void
put_line(struct bh_frame *frame, enum bh_style style, bool reverse, const char *text, size_t len)
{
    if (frame->row >= frame->rows)
        return;
    if (frame->row++ > 0)
        (void)bh_buf_append_text(&frame->bytes, "\r\n");
    (void)bh_buf_append_text(&frame->bytes, bh_style_begin(style, true));
    if (reverse)
        (void)bh_buf_append_text(&frame->bytes, "\033[7m");
    (void)bh_buf_append(&frame->bytes, text, len);
    /* At the last column some terminals would rub out the character itself. */
    (void)bh_buf_append_text(&frame->bytes, "\033[0m");
    if (len <= bytes_of(text, frame->columns - 1))
        (void)bh_buf_append_text(&frame->bytes, "\033[K");
}

void
bh_frame_line(struct bh_frame *frame, enum bh_style style, bool reverse, const char *text)
{
    put_line(frame, style, reverse, text, bytes_of(text, frame->columns));
}

void
bh_frame_text(struct bh_frame *frame, enum bh_style style, size_t rows_max, const char *text)
{
    for (size_t row = 0; row < rows_max && (row == 0 || *text != '\0'); row++) {
        size_t len = bytes_of(text, frame->columns), cut = len;
        while (text[len] != '\0' && cut > 0 && text[cut] != ' ')
            cut--; /* between words */
        len = cut > 0 && row + 1 < rows_max ? cut : len;
        put_line(frame, style, false, text, len);
        text += len;
        text += *text == ' ';
    }
}

void
bh_frame_fill(struct bh_frame *frame, size_t left)
{
    while (frame->row + left < frame->rows)
        put_line(frame, BH_STYLE_PLAIN, false, "", 0);
}

bool
bh_frame_end(struct bh_frame *frame)
{
    bool fine = bh_buf_status(&frame->bytes) == BH_OK;
    if (fine)
        fine = write_all(bh_buf_text(&frame->bytes), frame->bytes.len);
    bh_buf_release(&frame->bytes);
    return fine;
}
