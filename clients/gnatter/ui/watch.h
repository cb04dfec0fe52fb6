/* watch.h — whose presence is asked for: the users that are on the screen. Main thread only. */
#ifndef GNATTER_UI_WATCH_H
#define GNATTER_UI_WATCH_H

#include "clients/sdk/gnatter.h"

#define WATCH_MAX 300

struct watched {
	char user[65];
	bool wanted;
};

struct watch {
	struct watched users[WATCH_MAX];
	size_t n;
};

/* Say who is on the screen: begin, each of them, end. Who is not among them any more is watched no
 * longer. Beyond WATCH_MAX nobody is. */
void watch_begin(struct watch *w);
void watch_want(struct watch *w, struct gnatter *g, const char *user);
void watch_end(struct watch *w, struct gnatter *g);

#endif
