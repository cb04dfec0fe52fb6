/* typing.c — see typing.h. */
#include "typing.h"

#include <stdio.h>
#include <string.h>

static void forget(struct typing *t, size_t at)
{
	memmove(&t->all[at], &t->all[at + 1], (t->n - at - 1) * sizeof *t->all);
	t->n--;
}

void typing_done(struct typing *t, const char *chat, const char *user)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->all[i].chat, chat) == 0 && strcmp(t->all[i].user, user) == 0) {
			forget(t, i);
			return;
		}
	}
}

void typing_note(struct typing *t, const char *chat, const char *user, int64_t now_ms)
{
	struct typing_one *one;

	typing_done(t, chat, user);
	if (t->n == TYPING_MAX)
		forget(t, 0);
	one = &t->all[t->n++];
	snprintf(one->chat, sizeof one->chat, "%s", chat);
	snprintf(one->user, sizeof one->user, "%s", user);
	one->until_ms = now_ms + TYPING_FOR_MS;
}

bool typing_say(const struct typing *t, const char *chat, int64_t now_ms, struct buf *out)
{
	const char *who[2] = {NULL, NULL};
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->all[i].until_ms <= now_ms || strcmp(t->all[i].chat, chat) != 0)
			continue;
		if (n < 2)
			who[n] = t->all[i].user;
		n++;
	}
	if (n == 0)
		return false;
	if (n == 1)
		buf_printf(out, "%s is typing\xe2\x80\xa6", who[0]);
	else if (n == 2)
		buf_printf(out, "%s and %s are typing\xe2\x80\xa6", who[0], who[1]);
	else
		buf_printf(out, "%s and %zu others are typing\xe2\x80\xa6", who[0], n - 1);
	return true;
}

int64_t typing_next(struct typing *t, int64_t now_ms)
{
	while (t->n && t->all[0].until_ms <= now_ms)
		forget(t, 0);
	return t->n ? t->all[0].until_ms : INT64_MAX;
}
