/* tty.c — see tty.h. */
#include "clients/tty.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

ssize_t tty_line(int fd, char *out, size_t max)
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
	if (len > 0 && len <= max && out[len - 1] == '\r')
		len--;
	out[len <= max ? len : max] = '\0';
	return interrupted || !any ? -1 : (ssize_t)len;
}

ssize_t tty_hidden(int tty, const char *prompt, char *out, size_t max)
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
	/* Echo goes off before anybody is asked: what is typed at the prompt is neither shown nor
	 * dropped. */
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s", prompt);
	len = tty_line(tty, out, max);
	tcsetattr(tty, TCSADRAIN, &was);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (interrupted)
		dprintf(tty, "\n");
	return len;
}
