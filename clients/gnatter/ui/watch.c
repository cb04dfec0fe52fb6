/* watch.c — see watch.h. */
#include "watch.h"

#include <stdio.h>
#include <string.h>

void watch_begin(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->users[i].wanted = false;
}

void watch_want(struct watch *w, struct gnatter *g, const char *user)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->users[i].user, user) == 0) {
			w->users[i].wanted = true;
			return;
		}
	}
	if (w->n == WATCH_MAX || strlen(user) >= sizeof w->users->user ||
		gnatter_watch(g, user) != GNATTER_OK)
		return;
	snprintf(w->users[w->n].user, sizeof w->users->user, "%s", user);
	w->users[w->n++].wanted = true;
}

void watch_end(struct watch *w, struct gnatter *g)
{
	for (size_t i = 0; i < w->n;) {
		if (w->users[i].wanted) {
			i++;
			continue;
		}
		gnatter_unwatch(g, w->users[i].user);
		w->users[i] = w->users[--w->n];
	}
}
