/* conf_print.c — writing gnatter.conf from the rows of conf_table.c.
 *
 * What is printed reads back as the same struct conf (the unit test does). Paths below the
 * instance's folder are printed relative, so that the folder can be moved as a whole.
 */
#include <string.h>

#include "conf.h"
#include "conf_table.h"

#define COLUMNS 78

void conf_write_number(char out[CONF_VALUE_MAX], const struct option *o, int64_t v)
{
	const struct conf_unit *unit = conf_units(o->kind);

	if (o->kind == OPTION_FLAG) {
		snprintf(out, CONF_VALUE_MAX, "%s", v ? "true" : "false");
		return;
	}
	if (v == 0 && o->kind == OPTION_TIME) {
		snprintf(out, CONF_VALUE_MAX, "0s");
		return;
	}
	while (unit->name && (v == 0 || v % unit->factor))
		unit++;
	if (unit->name)
		snprintf(out, CONF_VALUE_MAX, "%lld%s", (long long)(v / unit->factor), unit->name);
	else
		snprintf(out, CONF_VALUE_MAX, "%lld", (long long)v);
}

/* Print text as comment lines, broken at spaces. */
static void put_comment(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strlen(text);

		if (len > COLUMNS) {
			len = COLUMNS;
			while (len && text[len] != ' ')
				len--;
		}
		fprintf(out, "# %.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* Default, bounds and what a change takes. */
static void put_facts(FILE *out, const struct option *o)
{
	const char *change = o->reload ? "reload" : "restart";
	char def[CONF_VALUE_MAX], min[CONF_VALUE_MAX], max[CONF_VALUE_MAX];

	if (o->kind == OPTION_PATH || o->kind == OPTION_BROKER || o->kind == OPTION_TEXT) {
		fprintf(out, "# Default: %s. Changed by a %s.\n", *o->text ? o->text : "none",
			change);
		return;
	}
	conf_write_number(def, o, o->def);
	if (o->kind == OPTION_FLAG) {
		fprintf(out, "# Default: %s. Changed by a %s.\n", def, change);
		return;
	}
	conf_write_number(min, o, o->min);
	conf_write_number(max, o, o->max);
	fprintf(out, "# Default: %s; from %s to %s. Changed by a %s.\n", def, min, max, change);
}

/* The path as seen from dir, if it lies below it and reads back as the same. */
static const char *relative(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	const char *rest = path + len + 1;

	if (strncmp(path, dir, len) != 0 || path[len] != '/' || strchr("/ \t", *rest))
		return path;
	return rest;
}

static void put_value(FILE *out, const struct conf *c, const struct option *o)
{
	const char *text = (const char *)c + o->at;
	char value[CONF_VALUE_MAX];
	int64_t v;

	if (o->kind == OPTION_PATH && *text == '\0') {
		fprintf(out, "#%s PATH\n", o->name);
	} else if (o->kind == OPTION_TEXT) {
		fprintf(out, "%s%s %s\n", *text ? "" : "#", o->name, *text ? text : "VALUE");
	} else if (o->kind == OPTION_PATH) {
		fprintf(out, "%s %s\n", o->name, relative(text, c->dir));
	} else if (o->kind == OPTION_BROKER) {
		bool is_unix = strncmp(text, "unix:", 5) == 0;

		fprintf(out, "%s %s%s\n", o->name, is_unix ? "unix:" : "",
			is_unix ? relative(text + 5, c->dir) : text);
	} else {
		memcpy(&v, text, sizeof(v));
		conf_write_number(value, o, v);
		fprintf(out, "%s %s\n", o->name, value);
	}
}

void conf_print(const struct conf *c, FILE *out)
{
	fputs("# gnatter.conf - options of the Gnatter plugin and of gnatterd.\n"
	      "#\n"
	      "# One \"key value\" a line; # begins a comment line. Sizes take K, M or G (of\n"
	      "# 1024), times need ms, s, m, h or d. Relative paths begin at the folder of this\n"
	      "# file. SIGHUP to gnatterd and to the broker is a reload.\n",
		out);
	for (const struct option *o = conf_options; o < conf_options + conf_options_count; o++) {
		if (o->section)
			fprintf(out, "\n# --- %s\n", o->section);
		fputc('\n', out);
		put_comment(out, o->help);
		put_facts(out, o);
		put_value(out, c, o);
	}
}
