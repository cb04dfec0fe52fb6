/* world.h — an engine with everything around it in memory, for tests.
 *
 * Records are written as lines, `TYPE user client target payload`, and get numbers and times of
 * their own:
 *
 *   SEND alice alice:phone lobby hello
 *   API $gnatterctl $gnatterctl user.add {"user":"alice"}
 *   CONNECT alice alice:phone      as an older plugin tells it
 *   CONNECT alice alice:phone 1    let in by what was known so many records ago
 *   PRESENCE alice alice:phone away
 *   DISCONNECT alice alice:phone
 *   BROKER_START
 *
 * `?` behind TYPE (SEND?) gives the record a Response Topic. world_run() applies them in commits of
 * given sizes; world_dump() prints what is stored, and out.effects what was to be told.
 */
#ifndef TESTS_UNIT_ENGINE_WORLD_H
#define TESTS_UNIT_ENGINE_WORLD_H

#include "bridge/engine/engine.h"

struct world;

struct world *world_create(void);
void world_destroy(struct world *w);

/* The limits, to be changed before records are applied. */
struct conf *world_conf(struct world *w);

/* What may be registered to be pushed to with, from now on; NULL, as at the start: everything.
 * Lent.
 */
void world_offer(struct world *w, const struct push_offer *offer);

/* Apply one line and commit. Returns the effects of it as text, one a line; valid until the next
 * call. */
const char *world_apply(struct world *w, const char *line);

/* Apply lines (separated by newlines; empty ones and those with # are skipped), `commit` of them
 * together; 0: a number of 1 to 9 that changes with `seed`. Returns all effects as text, to be
 * freed. */
char *world_run(struct world *w, const char *lines, unsigned commit, unsigned seed);

/* Everything stored and the hints since the start, as text, to be freed. What is to be pushed is
 * among the hints: PUSH chat seq n ts. */
char *world_dump(struct world *w);

#endif
