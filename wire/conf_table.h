/* conf_table.h — one row an option of gnatter.conf, for conf.c and conf_print.c. */
#ifndef GNATTER_WIRE_CONF_TABLE_H
#define GNATTER_WIRE_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_PATH,   /* char[CONF_PATH_MAX]; made absolute */
	OPTION_BROKER, /* char[CONF_PATH_MAX]; unix:PATH (made absolute) or HOST:PORT */
	OPTION_TEXT,   /* char[CONF_PATH_MAX]; kept as it is */
	OPTION_SIZE,   /* int64_t, bytes; K, M, G */
	OPTION_TIME,   /* int64_t, ms; ms, s, m, h, d */
	OPTION_COUNT,  /* int64_t */
	OPTION_FLAG,   /* int64_t, 0 or 1; false or true */
};

struct option {
	const char *name, *help;
	enum option_kind kind;
	bool reload;      /* a reload changes it; otherwise a restart does */
	size_t at;        /* offset in struct conf */
	const char *text; /* default of PATH, BROKER, TEXT; may be left out if that is empty */
	int64_t def, min, max;
	int64_t step;        /* the value is a multiple of it, if not 0 */
	const char *section; /* heading that begins here */
};

#define CONF_OPTIONS_MAX 128
extern const struct option conf_options[];
extern const size_t conf_options_count;

/* The suffixes of sizes and times, largest first, up to a row without a name. */
struct conf_unit {
	const char *name;
	int64_t factor;
};

const struct conf_unit *conf_units(enum option_kind kind);

/* Write v as the option's value is written: a number with the largest suffix that divides it, or
 * true or false. */
#define CONF_VALUE_MAX 32
void conf_write_number(char out[CONF_VALUE_MAX], const struct option *o, int64_t v);

#endif
