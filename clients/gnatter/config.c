/* config.c — see config.h. */
#include "clients/gnatter/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/gnatter/say.h"
#include "wire/name.h"

#define LINE_SIZE 4096

const struct config_key config_keys[] = {
	{"address", offsetof(struct account, address),
		"where the server is: tcp://, ssl://, ws:// or wss://, one or several"},
	{"user", offsetof(struct account, user), "the user's name there"},
	{"device", offsetof(struct account, device), "the name of this device"},
	{"ca_file", offsetof(struct account, ca_file),
		"PEM file of the authorities to trust, instead of the system's"},
	{0},
};

static char **place(struct account *a, const struct config_key *k)
{
	return (char **)(void *)((char *)a + k->offset);
}

/* $variable/gnatter, or ~/usual/gnatter; and the account's below. NULL if there is no home. */
static char *folder_of(const char *variable, const char *usual, const char *account)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	const char *below = *account ? "/accounts/" : "";

	if (base && *base == '/') /* others are to be ignored */
		return need_printf("%s/gnatter%s%s", base, below, account);
	if (!home || *home != '/')
		return NULL;
	return need_printf("%s/%s/gnatter%s%s", home, usual, below, account);
}

static int locate(struct account *a, const char *name)
{
	*a = (struct account){.name = name};
	if (*name && !name_user_ok(name, strlen(name)))
		return fail(GN_USAGE,
			"an account has a name of small letters, digits, '.', '_' and '-', "
			"not '%s'",
			name);
	a->config_dir = folder_of("XDG_CONFIG_HOME", ".config", name);
	a->state_dir = folder_of("XDG_STATE_HOME", ".local/state", name);
	if (!a->config_dir || !a->state_dir)
		return fail(GN_FAILED, "there is no home directory: $HOME is not set");
	return GN_OK;
}

static int take_line(struct account *a, char *line, const char *path, unsigned number)
{
	char *value = line + strcspn(line, " \t");

	if (*line == '\0' || *line == '#')
		return GN_OK;
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	for (const struct config_key *k = config_keys; k->name; k++) {
		if (strcmp(k->name, line) != 0)
			continue;
		if (!*value)
			return fail(
				GN_FAILED, "%s, line %u: '%s' has no value", path, number, line);
		free(*place(a, k));
		*place(a, k) = need_copy(value);
		return GN_OK;
	}
	return fail(GN_FAILED, "%s, line %u: there is no setting '%s'", path, number, line);
}

static int read_lines(struct account *a, FILE *f, const char *path)
{
	char line[LINE_SIZE];
	unsigned number = 0;

	while (fgets(line, sizeof(line), f)) {
		size_t len = strlen(line);
		int code;

		number++;
		if (len + 1 == sizeof(line))
			return fail(GN_FAILED, "%s, line %u is too long", path, number);
		while (len > 0 && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		code = take_line(a, line, path, number);
		if (code != GN_OK)
			return code;
	}
	if (ferror(f))
		return fail(GN_FAILED, "cannot read %s: %s", path, strerror(errno));
	return GN_OK;
}

/* What was written by hand may be wrong. */
static int check(const struct account *a)
{
	if (a->user && !name_user_ok(a->user, strlen(a->user)))
		return fail(GN_FAILED, "'%s' is no user's name", a->user);
	if (a->device && (strlen(a->device) > CONFIG_DEVICE_MAX ||
				 !name_device_ok(a->device, strlen(a->device))))
		return fail(GN_FAILED,
			"'%s' is no device's name: letters, digits, '_' and '-', at most %d",
			a->device, CONFIG_DEVICE_MAX);
	return GN_OK;
}

int account_load(struct account *a, const char *name)
{
	int code = locate(a, name);
	char *path;
	FILE *f;

	if (code != GN_OK)
		return code;
	path = need_printf("%s/config", a->config_dir);
	f = fopen(path, "re");
	if (f) {
		code = read_lines(a, f, path);
		fclose(f);
	} else if (errno != ENOENT && errno != ENOTDIR) {
		code = fail(GN_FAILED, "cannot read %s: %s", path, strerror(errno));
	}
	free(path);
	return code == GN_OK ? check(a) : code;
}

void account_finish(struct account *a)
{
	for (const struct config_key *k = config_keys; k->name; k++)
		free(*place(a, k));
	free(a->config_dir);
	free(a->state_dir);
	if (a->secret)
		explicit_bzero(a->secret, strlen(a->secret));
	free(a->secret);
	*a = (struct account){0};
}

/* --- the secret ----------------------------------------------------------------------------- */

/* Who has the token is the user: it is not used where others could have read or laid it. */
static int check_private(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(GN_SIGNED_OUT, "%s is no file", path);
	if (st.st_uid != geteuid())
		return fail(GN_SIGNED_OUT, "%s belongs to somebody else; it is not used", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(GN_SIGNED_OUT,
			"%s can be read by others, so it is not used: sign in again with a new "
			"token (gnatter login), or, if nobody has seen it, chmod 600 it",
			path);
	return GN_OK;
}

static int read_secret(struct account *a, int fd, const char *path)
{
	char *text = need(calloc(1, CONFIG_SECRET_MAX + 2));
	ssize_t n = read(fd, text, CONFIG_SECRET_MAX + 1);
	int code = GN_OK;

	text[strcspn(text, "\r\n")] = '\0';
	if (n < 0)
		code = fail(GN_FAILED, "cannot read %s: %s", path, strerror(errno));
	else if (n == 0 || n > CONFIG_SECRET_MAX || !*text)
		code = fail(GN_SIGNED_OUT, "%s holds no token", path);
	else
		a->secret = need_copy(text);
	explicit_bzero(text, CONFIG_SECRET_MAX);
	free(text);
	return code;
}

int account_load_secret(struct account *a)
{
	char *path = need_printf("%s/token", a->config_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), code;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		code = fail(GN_SIGNED_OUT, "nobody is signed in; see gnatter login");
	else if (fd < 0)
		code = fail(GN_SIGNED_OUT, "cannot read %s: %s", path, strerror(errno));
	else
		code = check_private(fd, path);
	if (code == GN_OK)
		code = read_secret(a, fd, path);
	if (fd >= 0)
		close(fd);
	free(path);
	return code;
}

bool account_forget_secret(const struct account *a)
{
	char *path = need_printf("%s/token", a->config_dir);
	bool was = unlink(path) == 0;

	free(path);
	return was;
}

int account_complete(const struct account *a)
{
	if (!a->address || !a->user || !a->device)
		return fail(GN_SIGNED_OUT, "nobody is signed in; see gnatter login");
	return GN_OK;
}

/* --- writing -------------------------------------------------------------------------------- */

/* mkdir -p, for the owner alone. */
static int make_folder(const char *path)
{
	char *copy = need_copy(path);
	int code = GN_OK;

	for (char *at = copy + 1; code == GN_OK; at++) {
		char was = *at;

		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			code = fail(GN_FAILED, "cannot make %s: %s", copy, strerror(errno));
		*at = was;
		if (was == '\0')
			break;
	}
	free(copy);
	return code;
}

static bool write_all(int fd, const char *text)
{
	for (size_t len = strlen(text); len > 0;) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* Beside the file and then in its place: it is never half there, nor readable by others. */
static int write_file(const char *dir, const char *name, const char *text)
{
	char *path = need_printf("%s/%s", dir, name), *fresh = need_printf("%s.XXXXXX", path);
	int fd = mkostemp(fresh, O_CLOEXEC), code = GN_OK;
	bool ok = fd >= 0 && write_all(fd, text);

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	if (!ok || rename(fresh, path) != 0) {
		code = fail(GN_FAILED, "cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(fresh);
	}
	free(fresh);
	free(path);
	return code;
}

static char *as_text(const struct account *a)
{
	struct account *lent = (struct account *)(uintptr_t)a;
	char *text = need_printf("# Written by gnatter login. The token is in the file beside.\n");

	for (const struct config_key *k = config_keys; k->name; k++) {
		char *more;

		if (!*place(lent, k))
			continue;
		more = need_printf("%s%s %s\n", text, k->name, *place(lent, k));
		free(text);
		text = more;
	}
	return text;
}

int account_save(const struct account *a)
{
	char *config = as_text(a), *token = need_printf("%s\n", a->secret);
	int code = make_folder(a->config_dir);

	if (code == GN_OK)
		code = write_file(a->config_dir, "token", token);
	if (code == GN_OK)
		code = write_file(a->config_dir, "config", config);
	explicit_bzero(token, strlen(token));
	free(token);
	free(config);
	return code;
}

int account_make_state(const struct account *a)
{
	return make_folder(a->state_dir);
}

char *account_store(const struct account *a, const char *device)
{
	return need_printf("%s/%s@%s.db", a->state_dir, a->user, device);
}
