/* secret.c — see secret.h. */
#include "clients/gnatter/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatter/config.h"
#include "clients/gnatter/say.h"
#include "clients/tty.h"

char *ask(const char *question, const char *usual, bool echo)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char *line = need(calloc(1, CONFIG_SECRET_MAX + 1)), *got = NULL, *prompt;
	ssize_t len;

	if (tty < 0) {
		fail(GN_USAGE, "there is no terminal to ask on; see gnatter login --help");
		free(line);
		return NULL;
	}
	prompt = usual ? need_printf("%s (%s): ", question, usual) : need_printf("%s: ", question);
	if (echo)
		dprintf(tty, "%s", prompt);
	len = echo ? tty_line(tty, line, CONFIG_SECRET_MAX)
		   : tty_hidden(tty, prompt, line, CONFIG_SECRET_MAX);
	free(prompt);
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
	ssize_t len = tty_line(STDIN_FILENO, line, max);

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
