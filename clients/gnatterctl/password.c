/* password.c */
#include "clients/gnatterctl/password.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"
#include "clients/tty.h"
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

/* Room for one byte more than a password may have, to tell one that is too long. */
#define LINE_MAX_BYTES (PASSWORD_MAX + 1)

static ssize_t cut(ssize_t len)
{
	return len > LINE_MAX_BYTES ? LINE_MAX_BYTES : len;
}

static bool ask_twice(char out[LINE_MAX_BYTES + 1], ssize_t *len)
{
	char again[LINE_MAX_BYTES + 1];
	ssize_t again_len = 0;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool ok = tty >= 0 && isatty(tty);

	if (ok) {
		*len = tty_hidden(tty, "Password: ", out, LINE_MAX_BYTES);
		if (*len >= 0)
			again_len = tty_hidden(tty, "Again: ", again, LINE_MAX_BYTES);
	} else {
		fail("there is no terminal to ask on; use --password-stdin");
	}
	if (tty >= 0)
		close(tty);
	if (ok && (*len < 0 || again_len < 0)) {
		fail("no password was given");
		ok = false;
	}
	if (ok && (*len != again_len || memcmp(out, again, (size_t)cut(*len)) != 0)) {
		fail("the two passwords differ");
		ok = false;
	}
	sodium_memzero(again, sizeof(again));
	return ok;
}

bool password_read(const struct args *a, char out[PASSWORD_MAX + 1])
{
	char line[LINE_MAX_BYTES + 1];
	const char *wrong = NULL;
	ssize_t len = -1;
	bool ok = false;

	if (args_has(a, "password-stdin")) {
		len = tty_line(STDIN_FILENO, line, LINE_MAX_BYTES);
		ok = len >= 0;
		if (!ok)
			fail("there is no line on standard input to be the password");
	} else {
		ok = ask_twice(line, &len);
	}
	if (ok) {
		len = cut(len);
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
