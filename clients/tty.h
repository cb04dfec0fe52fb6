/* tty.h — lines that a person or a script gives a command: passwords and the like. Main thread. */
#ifndef GNATTER_CLIENTS_TTY_H
#define GNATTER_CLIENTS_TTY_H

#include <stddef.h>
#include <sys/types.h>

/* One line from fd into out, which has max + 1 bytes: without its end (\n or \r\n), with a NUL. Its
 * length, or max + 1 if it was longer; -1 if there was none, or a signal ended tty_hidden(). */
ssize_t tty_line(int fd, char *out, size_t max);

/* The same from a terminal, which shows the prompt and not what is typed. Its echo is on again
 * afterwards, whatever signal comes. -1 also if it is no terminal. */
ssize_t tty_hidden(int tty, const char *prompt, char *out, size_t max);

#endif
