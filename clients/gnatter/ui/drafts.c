/* drafts.c — see drafts.h. */
#include "drafts.h"

#include <stdlib.h>
#include <string.h>

static size_t drafts_find(const struct drafts *d, const char *chat)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->all[i].chat, chat) != 0)
		i++;
	return i;
}

static void drafts_forget(struct drafts *d, size_t at)
{
	free(d->all[at].chat);
	free(d->all[at].text);
	memmove(&d->all[at], &d->all[at + 1], (d->n - at - 1) * sizeof *d->all);
	d->n--;
}

void drafts_keep(struct drafts *d, const char *chat, const char *text)
{
	struct draft new = {0};
	size_t at = drafts_find(d, chat);

	if (at < d->n)
		drafts_forget(d, at);
	if (!*text)
		return;
	new.chat = strdup(chat);
	new.text = strdup(text);
	if (!new.chat || !new.text) {
		free(new.chat);
		free(new.text);
		return;
	}
	if (d->n == DRAFTS_MAX)
		drafts_forget(d, 0);
	d->all[d->n++] = new;
}

const char *drafts_get(const struct drafts *d, const char *chat)
{
	size_t at = drafts_find(d, chat);

	return at < d->n ? d->all[at].text : "";
}

void drafts_finish(struct drafts *d)
{
	while (d->n)
		drafts_forget(d, d->n - 1);
}
