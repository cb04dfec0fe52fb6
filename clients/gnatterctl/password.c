/* password.c */
#include "clients/gnatterctl/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"
#include "wire/jwt.h"
#include "wire/utf8.h"

const char *password_wrong(const char *password)
{
	size_t len = strlen(password);

	if (len == 0)
		return "an empty password";
	if (len > PASSWORD_MAX)
		return "a password of more than 128 bytes";
	if (!utf8_ok(password, len, NULL))
		return "a password that is not UTF-8";
	if (jwt_looks_like(password))
		return "a password that looks like a token would never be checked as one";
	return NULL;
}

bool password_hash(const char *password, const struct conf *c, char out[crypto_pwhash_STRBYTES])
{
	return crypto_pwhash_str(out, password, strlen(password),
		       (unsigned long long)c->password_passes, (size_t)c->password_memory) == 0;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* One line from fd into out, without its end. The number of bytes it had, at most size; -1 if there
 * was none. */
static ssize_t read_line(int fd, char *out, size_t size)
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
		if (len < size)
			out[len++] = c;
	}
	if (interrupted || !any)
		return -1;
	if (len > 0 && len < size && out[len - 1] == '\r')
		len--;
	return (ssize_t)len;
}

/* Ask on the terminal with the echo off, which it is again whatever happens. */
static bool ask(int tty, const char *prompt, char out[PASSWORD_MAX + 2], ssize_t *len)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	struct sigaction old[sizeof(signals) / sizeof(*signals)], act = {.sa_handler = on_signal};
	struct termios was, quiet;

	if (tcgetattr(tty, &was) != 0)
		return false;
	quiet = was;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	quiet.c_lflag |= ECHONL;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, &old[i]);
	/* Echo goes off before anybody is asked: what is typed at the prompt is neither shown nor
	 * dropped. */
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s", prompt);
	*len = read_line(tty, out, PASSWORD_MAX + 1);
	tcsetattr(tty, TCSADRAIN, &was);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (interrupted)
		dprintf(tty, "\n");
	out[*len < 0 ? 0 : *len] = '\0';
	return true;
}

static bool ask_twice(char out[PASSWORD_MAX + 2], ssize_t *len)
{
	char again[PASSWORD_MAX + 2];
	ssize_t again_len = 0;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool ok = tty >= 0 && ask(tty, "Password: ", out, len) &&
		  (*len < 0 || ask(tty, "Again: ", again, &again_len));

	if (!ok)
		fail("there is no terminal to ask on; use --password-stdin");
	if (tty >= 0)
		close(tty);
	if (ok && (interrupted || *len < 0 || again_len < 0)) {
		fail("no password was given");
		ok = false;
	}
	if (ok && (*len != again_len || memcmp(out, again, (size_t)*len) != 0)) {
		fail("the two passwords differ");
		ok = false;
	}
	sodium_memzero(again, sizeof(again));
	return ok;
}

bool password_read(const struct args *a, char out[PASSWORD_MAX + 1])
{
	char line[PASSWORD_MAX + 2];
	const char *wrong = NULL;
	ssize_t len = -1;
	bool ok = false;

	if (args_has(a, "password-stdin")) {
		len = read_line(STDIN_FILENO, line, PASSWORD_MAX + 1);
		ok = len >= 0;
		if (!ok)
			fail("there is no line on standard input to be the password");
	} else {
		ok = ask_twice(line, &len);
	}
	if (ok) {
		line[len] = '\0';
		wrong = strlen(line) != (size_t)len ? "a password with a NUL byte"
						    : password_wrong(line);
	}
	if (wrong)
		fail("%s: refused", wrong);
	else if (ok)
		memcpy(out, line, (size_t)len + 1);
	sodium_memzero(line, sizeof(line));
	return ok && !wrong;
}
