/* secret.c — see secret.h. */
#include "clients/gnatter/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "clients/gnatter/config.h"
#include "clients/gnatter/say.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* One line from fd into out, which has max + 1 bytes. Its length, which may be max + 1 (too long);
 * -1: none. */
static ssize_t read_line(int fd, char *out, size_t max)
{
	size_t len = 0;
	bool any = false;
	char c;

	while (!interrupted) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		any = true;
		if (c == '\n')
			break;
		if (len < max)
			out[len] = c;
		if (len <= max)
			len++;
	}
	if (interrupted || !any)
		return -1;
	if (len > 0 && len <= max && out[len - 1] == '\r')
		len--;
	out[len <= max ? len : max] = '\0';
	return (ssize_t)len;
}

/* With the echo off, which it is again whatever happens. */
static ssize_t read_hidden(int tty, char *out, size_t max)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	struct sigaction old[sizeof(signals) / sizeof(*signals)], act = {.sa_handler = on_signal};
	struct termios was, quiet;
	ssize_t len;

	if (tcgetattr(tty, &was) != 0)
		return -1;
	quiet = was;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	quiet.c_lflag |= ECHONL;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, &old[i]);
	tcsetattr(tty, TCSADRAIN, &quiet);
	len = read_line(tty, out, max);
	tcsetattr(tty, TCSADRAIN, &was);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (interrupted)
		dprintf(tty, "\n");
	return len;
}

char *ask(const char *question, const char *usual, bool echo)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char *line = need(calloc(1, CONFIG_SECRET_MAX + 1)), *got = NULL;
	ssize_t len;

	if (tty < 0) {
		fail(GN_USAGE, "there is no terminal to ask on; see gnatter login --help");
		free(line);
		return NULL;
	}
	if (usual)
		dprintf(tty, "%s (%s): ", question, usual);
	else
		dprintf(tty, "%s: ", question);
	len = echo ? read_line(tty, line, CONFIG_SECRET_MAX)
		   : read_hidden(tty, line, CONFIG_SECRET_MAX);
	close(tty);
	if (len > 0 && len <= CONFIG_SECRET_MAX)
		got = need_copy(line);
	else if (len == 0 && usual)
		got = need_copy(usual);
	else
		fail(GN_USAGE, "nothing was given");
	explicit_bzero(line, CONFIG_SECRET_MAX);
	free(line);
	return got;
}

char *line_of_stdin(size_t max)
{
	char *line = need(calloc(1, max + 1)), *got = NULL;
	ssize_t len = read_line(STDIN_FILENO, line, max);

	if (len <= 0)
		fail(GN_USAGE, "there is no line on standard input");
	else if ((size_t)len > max || strlen(line) != (size_t)len)
		fail(GN_USAGE, "the line on standard input is too long, or no text");
	else
		got = need_copy(line);
	explicit_bzero(line, max);
	free(line);
	return got;
}
