/*
 * pty - a program on a terminal of its own, and what its screen shows.
 *
 * Understands the sequences that the program under test uses and no others; an unknown one fails the test by the screen's
 * content.
 */
#ifndef BH_TESTS_PTY_H
#define BH_TESTS_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BH_PTY_ROWS    60
#define BH_PTY_COLUMNS 200

struct bh_pty {
    int master, slave; /* the slave is kept open: the terminal's settings outlive the program */
    pid_t pid;         /* 0: it has ended */
    size_t rows, columns, row, column;
    char screen[BH_PTY_ROWS][BH_PTY_COLUMNS + 1]; /* '?' for what is not ASCII */
    bool other;                                   /* it has switched to the other screen */
    char sequence[32];
    size_t sequence_len;
    size_t strange;                                     /* control bytes that it did not expect */
    char first_screen[BH_PTY_ROWS][BH_PTY_COLUMNS + 1]; /* while the other one is shown */
    size_t first_row, first_column;
};

/* Run it; `environment` is added to ours. */
void bh_pty_start(struct bh_pty *pty, const char *program, const char *const *args,
                  const char *const *environment, size_t rows, size_t columns);

/* Another size, with SIGWINCH. */
void bh_pty_resize(struct bh_pty *pty, size_t rows, size_t columns);

void bh_pty_type(struct bh_pty *pty, const char *keys);

/* Read what it draws until `piece` stands in a line, at most 20 s.  False, and prints the screen: it does not. */
bool bh_pty_sees(struct bh_pty *pty, const char *piece);
bool bh_pty_shows(const struct bh_pty *pty, const char *piece);

/* Wait for its end, at most 20 s: the exit code, minus the signal, or -1000. */
int bh_pty_wait(struct bh_pty *pty);

/* SIGSTOP; back when it stands still and what it has drawn is read. */
void bh_pty_stop(struct bh_pty *pty);

/* Whether the terminal echoes and reads lines, as at the beginning. */
bool bh_pty_is_sane(const struct bh_pty *pty);

/* Wait until it does not any more, at most 20 s. */
bool bh_pty_turns_raw(struct bh_pty *pty);

/* Make it so, as a shell does that takes the terminal over. */
void bh_pty_make_sane(struct bh_pty *pty);

/* Take it that the screen is empty: what is seen from now on has been drawn anew. */
void bh_pty_forget(struct bh_pty *pty);

void bh_pty_release(struct bh_pty *pty);

#endif
