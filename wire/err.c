/* err.c — the table behind err.h, and its three columns. */
#include "err.h"

#include <assert.h>

static const struct {
	const char *code, *text;
	int status;
} rows[] = {
#define X(name, code, status, text) [ERR_##name] = {code, text, status},
	ERR_LIST(X)
#undef X
};

_Static_assert(sizeof(rows) / sizeof(*rows) == ERR_COUNT, "one row an error");

const char *err_code(enum err e)
{
	assert((unsigned)e < ERR_COUNT);
	return rows[e].code;
}

int err_status(enum err e)
{
	assert((unsigned)e < ERR_COUNT);
	return rows[e].status;
}

const char *err_text(enum err e)
{
	assert((unsigned)e < ERR_COUNT);
	return rows[e].text;
}
