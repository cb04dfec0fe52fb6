/* conf.c — reading gnatter.conf: loops over the rows of conf_table.c.
 *
 * A file is taken whole or not at all, into a copy. The first thing wrong ends it with one
 * sentence; sentences never repeat the file's own bytes, which may be anything, but for keys that
 * are words.
 */
#include "conf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "buf.h"
#include "conf_table.h"
#include "file.h"

#define FILE_MAX        65536
#define LINE_MAX_BYTES  1024
#define KEY_MAX         40
#define UNIX_PREFIX     "unix:"
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* What is being read, for sentences about it. */
struct source {
	const char *name, *dir;
	unsigned line; /* 0: none in particular */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static enum err wrong(
	const struct source *s, const char *fmt, ...)
{
	int len = s->line ? snprintf(s->why, s->why_size, "%s:%u: ", s->name, s->line)
			  : snprintf(s->why, s->why_size, "%s: ", s->name);
	va_list args;

	if (len < 0 || (size_t)len >= s->why_size)
		return ERR_BAD_REQUEST;
	va_start(args, fmt);
	vsnprintf(s->why + len, s->why_size - (size_t)len, fmt, args);
	va_end(args);
	return ERR_BAD_REQUEST;
}

static char *text_at(struct conf *c, const struct option *o)
{
	return (char *)c + o->at;
}

static int64_t *number_at(struct conf *c, const struct option *o)
{
	return (int64_t *)(void *)((char *)c + o->at);
}

static bool is_text(const struct option *o)
{
	return o->kind == OPTION_PATH || o->kind == OPTION_BROKER || o->kind == OPTION_TEXT;
}

/* Write the text option's value, paths made absolute from dir. False if it is too long. */
static bool set_text(
	char out[CONF_PATH_MAX], const struct option *o, const char *dir, const char *value)
{
	const char *prefix = "", *slash = "/";
	int len;

	if (o->kind == OPTION_BROKER) {
		if (strncmp(value, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
			prefix = UNIX_PREFIX;
			value += strlen(UNIX_PREFIX);
		} else {
			dir = slash = "";
		}
	}
	if (*value == '/' || *value == '\0' || o->kind == OPTION_TEXT)
		dir = slash = "";
	len = snprintf(out, CONF_PATH_MAX, "%s%s%s%s", prefix, dir, slash, value);
	return len >= 0 && len < CONF_PATH_MAX;
}

enum err conf_defaults(struct conf *c, const char *dir)
{
	bool fits;

	*c = (struct conf){0};
	fits = snprintf(c->dir, sizeof(c->dir), "%s", dir) < (int)sizeof(c->dir);
	for (const struct option *o = conf_options; o < conf_options + conf_options_count; o++) {
		if (is_text(o))
			fits = set_text(text_at(c, o), o, dir, o->text) && fits;
		else
			*number_at(c, o) = o->def;
	}
	return fits ? ERR_OK : ERR_TOO_LARGE;
}

/* unix:PATH, or a HOST:PORT that does not leave the machine. */
static bool broker_ok(const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t host = colon ? (size_t)(colon - value) : 0, digits;

	if (strncmp(value, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return value[strlen(UNIX_PREFIX)] != '\0';
	if (!colon)
		return false;
	digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] || atoi(colon + 1) < 1 ||
		atoi(colon + 1) > 65535)
		return false;
	return bytes_equal((struct bytes){value, host}, "localhost", 9) ||
	       bytes_equal((struct bytes){value, host}, "::1", 3) ||
	       (strncmp(value, "127.", 4) == 0 && strspn(value, "0123456789.") == host);
}

/* Digits and a suffix that the kind knows. False if it is none, or too large for any option. */
static bool read_number(int64_t *out, const struct option *o, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	const struct conf_unit *unit = conf_units(o->kind);

	if (digits == 0 || digits > 18)
		return false;
	*out = strtoll(value, NULL, 10);
	value += digits;
	if (*value == '\0')
		return o->kind != OPTION_TIME;
	while (unit->name && strcmp(unit->name, value) != 0)
		unit++;
	return unit->name && !__builtin_mul_overflow(*out, unit->factor, out);
}

static enum err set_number(
	int64_t *out, const struct option *o, const char *value, const struct source *s)
{
	static const char *const forms[] = {
		[OPTION_SIZE] = "a size: a number, and K, M or G if it is not bytes",
		[OPTION_TIME] = "a time: a number, and ms, s, m, h or d",
		[OPTION_COUNT] = "a number"};
	char min[CONF_VALUE_MAX], max[CONF_VALUE_MAX];
	int64_t v;

	if (!read_number(&v, o, value))
		return wrong(s, "%s must be %s", o->name, forms[o->kind]);
	if (v < o->min || v > o->max) {
		conf_write_number(min, o, o->min);
		conf_write_number(max, o, o->max);
		return wrong(s, "%s must be from %s to %s", o->name, min, max);
	}
	if (o->step && v % o->step)
		return wrong(s, "%s must be a multiple of %lld", o->name, (long long)o->step);
	*out = v;
	return ERR_OK;
}

static enum err set_flag(
	int64_t *out, const struct option *o, const char *value, const struct source *s)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return wrong(s, "%s must be true or false", o->name);
	*out = *value == 't';
	return ERR_OK;
}

static enum err set(
	struct conf *c, const struct option *o, const char *value, const struct source *s)
{
	if (o->kind == OPTION_FLAG)
		return set_flag(number_at(c, o), o, value, s);
	if (!is_text(o))
		return set_number(number_at(c, o), o, value, s);
	if (o->kind == OPTION_BROKER && !broker_ok(value))
		return wrong(
			s, "%s must be unix:PATH, or HOST:PORT with HOST on this machine", o->name);
	if (!set_text(text_at(c, o), o, s->dir, value))
		return wrong(s, "%s is too long: more than %d bytes%s", o->name, CONF_PATH_MAX - 1,
			o->kind == OPTION_TEXT ? "" : " as an absolute path");
	return ERR_OK;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Take line (NUL-terminated, without its end) apart; seen has a flag for each option. */
static enum err read_line(
	struct conf *c, char *line, size_t len, bool *seen, const struct source *s)
{
	char *value;
	size_t key;

	while (len && is_space(line[len - 1]))
		line[--len] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return ERR_OK;
	for (const char *p = line; *p; p++) {
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return wrong(s, "there is a control character in this line");
	}
	key = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (key == 0 || key > KEY_MAX || (line[key] && !is_space(line[key])))
		return wrong(s, "a line is \"key value\", or begins with #");
	value = line + key + strspn(line + key, " \t");
	line[key] = '\0';
	for (size_t i = 0; i < conf_options_count; i++) {
		if (strcmp(conf_options[i].name, line) != 0)
			continue;
		if (*value == '\0')
			return wrong(s, "%s has no value", line);
		if (seen[i])
			return wrong(s, "%s stands in the file twice", line);
		seen[i] = true;
		return set(c, &conf_options[i], value, s);
	}
	return wrong(s, "there is no option %s", line);
}

/* What must hold between options. */
static enum err check(const struct conf *c, const struct source *s)
{
	if (c->frame_size_max < c->message_size_max)
		return wrong(s, "frame_size_max must be at least message_size_max");
	if (c->spool_size / 4 < c->message_size_max)
		return wrong(s, "spool_size must be at least four times message_size_max");
	if (strncmp(c->broker, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 &&
		strlen(c->broker) - strlen(UNIX_PREFIX) > SOCKET_PATH_MAX)
		return wrong(s, "broker is too long for a unix socket: use 127.0.0.1:PORT");
	return ERR_OK;
}

static enum err parse(struct conf *c, struct source *s, const char *text, size_t len)
{
	bool seen[CONF_OPTIONS_MAX] = {false};
	char line[LINE_MAX_BYTES];

	assert(conf_options_count <= CONF_OPTIONS_MAX);
	if (conf_defaults(c, s->dir) != ERR_OK)
		return wrong(s, "the path of its folder is too long");
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t size = end ? (size_t)(end - text) : len;
		enum err e;

		s->line++;
		if (size >= sizeof(line))
			return wrong(s, "the line is longer than %zu bytes", sizeof(line) - 1);
		memcpy(line, text, size);
		line[size] = '\0';
		if (memchr(line, '\0', size))
			return wrong(s, "there is a NUL in this line");
		e = read_line(c, line, size, seen, s);
		if (e != ERR_OK)
			return e;
		size += end ? 1 : 0;
		text += size;
		len -= size;
	}
	s->line = 0;
	return check(c, s);
}

enum err conf_parse(struct conf *c, const char *dir, const char *name, const char *text, size_t len,
	char *why, size_t why_size)
{
	struct source s = {.name = name, .dir = dir, .why = why, .why_size = why_size};
	struct conf next;
	enum err e;

	if (why_size)
		why[0] = '\0';
	e = parse(&next, &s, text, len);
	if (e == ERR_OK)
		*c = next;
	return e;
}

/* The folder that holds path, absolute; the caller frees it. NULL with errno. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	char *absolute = folder ? realpath(folder, NULL) : NULL;

	free(folder);
	return absolute;
}

enum err conf_load(struct conf *c, const char *path, char *why, size_t why_size)
{
	struct source s = {.name = path, .why = why, .why_size = why_size};
	char *text = malloc(FILE_MAX), *dir = NULL;
	mode_t mode;
	size_t len;
	enum err e = text ? file_read(path, text, FILE_MAX, &len, &mode) : ERR_NOMEM;

	if (e == ERR_OK) {
		dir = folder_of(path);
		e = dir ? conf_parse(c, dir, path, text, len, why, why_size) : ERR_IO;
	} else if (e == ERR_TOO_LARGE) {
		e = wrong(&s, "the file is longer than %d bytes", FILE_MAX);
	} else if (e == ERR_BAD_REQUEST) {
		wrong(&s, "this is not a file");
	}
	if (e == ERR_IO)
		wrong(&s, "cannot read it: %s", strerror(errno));
	else if (e == ERR_NOMEM)
		wrong(&s, "out of memory");
	free(dir);
	free(text);
	return e;
}

bool conf_reload(struct conf *c, const struct conf *next)
{
	bool differs = strcmp(c->dir, next->dir) != 0;

	for (const struct option *o = conf_options; o < conf_options + conf_options_count; o++) {
		const char *from = (const char *)next + o->at;

		if (is_text(o))
			differs = differs || strcmp(text_at(c, o), from) != 0;
		else if (o->reload)
			memcpy(number_at(c, o), from, sizeof(int64_t));
		else
			differs = differs || memcmp(number_at(c, o), from, sizeof(int64_t)) != 0;
	}
	return differs;
}

void conf_store_path(const struct conf *c, char out[CONF_PATH_MAX + 16])
{
	snprintf(out, CONF_PATH_MAX + 16, "%s/store", c->data_dir);
}

void conf_directory_path(const struct conf *c, char out[CONF_PATH_MAX + 16])
{
	snprintf(out, CONF_PATH_MAX + 16, "%s/directory", c->data_dir);
}

void conf_spool_path(const struct conf *c, char out[CONF_PATH_MAX + 16])
{
	snprintf(out, CONF_PATH_MAX + 16, "%s/spool", c->data_dir);
}
