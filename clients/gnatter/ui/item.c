/* item.c — see item.h. */
#include "item.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
	char *to = *at;
	size_t n = size_of(s);

	if (!s)
		return NULL;
	memcpy(to, s, n);
	*at += n;
	return to;
}

struct item *item_create(const struct gnatter_message *m)
{
	const char *text = m->text ? m->text : "";
	size_t size = sizeof(struct item) + size_of(m->id) + size_of(m->from) + size_of(m->type) +
		      size_of(text) + size_of(m->body) + size_of(m->code);
	struct item *i = malloc(size);
	char *at = (char *)(i + 1);

	if (!i)
		return NULL;
	*i = (struct item){.seq = m->seq,
		.n = m->n,
		.ref = m->ref,
		.edited = m->edited,
		.deleted = m->deleted,
		.ts_ms = m->ts_ms,
		.mine = m->mine,
		.tick = m->tick,
		.size = size};
	i->id = keep(&at, m->id);
	i->from = keep(&at, m->from);
	i->type = keep(&at, m->type);
	i->text = keep(&at, text);
	i->body = keep(&at, m->body);
	i->code = keep(&at, m->code);
	return i;
}

void item_destroy(struct item *i)
{
	if (!i)
		return;
	free(i->quote);
	free(i->reactions);
	rows_free(&i->head);
	rows_free(&i->rows);
	free(i);
}

bool item_is_shown(const struct gnatter_message *m)
{
	static const char *const hidden[] = {"edit", "delete", "reaction"};

	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		if (strcmp(m->type, hidden[i]) == 0)
			return false;
	}
	return true;
}
