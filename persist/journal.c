/* journal.c
 *
 * One thread, one commit at a time. The states:
 *
 *      idle ── journal_commit ──► given ── thread takes it ──► busy ──► idle, or failed for good
 *
 * The state turns idle before done() is called, so that done() may give the next batch at once.
 *
 * Step 1 writes x"redo" in the same LevelDB batch as the store's part; it stays there until the
 * next commit replaces or deletes it, or the journal is closed: an import leaves one of megabytes.
 * Applying it again is harmless at any time: it holds the newest values of its keys, since whatever
 * came later replaced it. So journal_open() applies what it finds without asking whether it is
 * needed; directory_redo() writes nothing if nothing differs.
 */
#include "persist/journal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persist/keys.h"

#define WHY_SIZE 512

enum state { IDLE, GIVEN, BUSY, FAILED };

struct journal {
	struct store *store;
	struct directory *directory;
	journal_done_fn *done;
	void *ctx;
	struct buf redo;
	bool done_with; /* the redo in the store is applied; of the one who commits */

	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	enum state state;
	bool closing;
	struct batch *batch;
	bool sync;
};

/* The two steps. Any thread, one at a time. */
static enum err commit(
	struct journal *j, const struct batch *b, bool sync, char *why, size_t why_size)
{
	struct bytes key = {NULL, 0}, redo = {NULL, 0};
	bool both = batch_touches_directory(b);
	struct key redo_key = key_meta("redo");
	enum err e;

	if (batch_failed(b)) {
		snprintf(why, why_size, "the writes of a commit are incomplete: out of memory");
		return ERR_NOMEM;
	}
	if (batch_empty(b))
		return ERR_OK;
	if (both) {
		buf_reset(&j->redo);
		directory_redo_encode(&j->redo, b);
		if (j->redo.failed) {
			snprintf(why, why_size,
				"the writes of a commit are incomplete: out of memory");
			return ERR_NOMEM;
		}
		key = key_bytes(&redo_key);
		redo = (struct bytes){j->redo.data, j->redo.len};
		sync = true; /* the directory must never be ahead of the store */
	} else if (j->done_with) {
		key = key_bytes(&redo_key); /* deleted */
	}
	e = store_write(j->store, b, key, redo, sync, why, why_size);
	if (e == ERR_OK && both)
		e = directory_write(j->directory, b, why, why_size);
	j->done_with = e == ERR_OK && both;
	return e;
}

/* Nothing is lost if this is: what is left is found, and found done, at the next start. */
static void forget_redo(struct journal *j)
{
	struct store_writes *w = j->done_with ? store_writes_create(j->store) : NULL;
	struct key key = key_meta("redo");
	char why[WHY_SIZE];

	if (!w)
		return;
	store_writes_delete(w, key_bytes(&key));
	store_writes_commit(w, why, sizeof(why));
	store_writes_destroy(w);
}

static void *run(void *arg)
{
	struct journal *j = arg;
	char why[WHY_SIZE];

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct batch *b;
		bool sync;
		enum err e;

		while (j->state != GIVEN && !j->closing)
			pthread_cond_wait(&j->changed, &j->lock);
		if (j->state != GIVEN)
			break;
		j->state = BUSY;
		b = j->batch;
		sync = j->sync;
		pthread_mutex_unlock(&j->lock);

		why[0] = '\0';
		e = commit(j, b, sync, why, sizeof(why));

		pthread_mutex_lock(&j->lock);
		j->state = e == ERR_OK ? IDLE : FAILED;
		pthread_mutex_unlock(&j->lock);
		j->done(j->ctx, b, e, e == ERR_OK ? NULL : why);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* Finish a commit that was cut off between its two steps. */
static enum err repair(struct journal *j, char *why, size_t why_size)
{
	struct key key = key_meta("redo");
	struct bytes redo;
	enum err e = store_get(j->store, NULL, key_bytes(&key), &redo);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e != ERR_OK) {
		snprintf(why, why_size, "the last commit cannot be read from the store: %s",
			err_text(e));
		return e;
	}
	e = directory_redo(j->directory, redo, why, why_size);
	j->done_with = e == ERR_OK;
	free((char *)(uintptr_t)redo.data);
	return e;
}

enum err journal_open(struct journal **out, struct store *s, struct directory *d,
	journal_done_fn *done, void *ctx, char *why, size_t why_size)
{
	struct journal *j = calloc(1, sizeof(*j));
	enum err e;

	*out = NULL;
	if (!j) {
		snprintf(why, why_size, "out of memory");
		return ERR_NOMEM;
	}
	*j = (struct journal){.store = s, .directory = d, .done = done, .ctx = ctx};
	e = repair(j, why, why_size);
	if (e != ERR_OK) {
		free(j);
		return e;
	}
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->changed, NULL);
	if (pthread_create(&j->thread, NULL, run, j) != 0) {
		snprintf(why, why_size, "the thread that commits cannot be started");
		pthread_cond_destroy(&j->changed);
		pthread_mutex_destroy(&j->lock);
		free(j);
		return ERR_NOMEM;
	}
	*out = j;
	return ERR_OK;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->closing = true;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	if (j->state == IDLE)
		forget_redo(j);
	pthread_cond_destroy(&j->changed);
	pthread_mutex_destroy(&j->lock);
	buf_free(&j->redo);
	free(j);
}

/* Leave IDLE for `next`, or say why not. */
static enum err begin(struct journal *j, enum state next)
{
	if (j->state == FAILED)
		return ERR_IO;
	if (j->state != IDLE)
		return ERR_CONFLICT;
	j->state = next;
	return ERR_OK;
}

enum err journal_commit(struct journal *j, struct batch *b, bool sync)
{
	enum err e;

	pthread_mutex_lock(&j->lock);
	e = begin(j, GIVEN);
	if (e == ERR_OK) {
		j->batch = b;
		j->sync = sync;
		pthread_cond_broadcast(&j->changed);
	}
	pthread_mutex_unlock(&j->lock);
	return e;
}

enum err journal_commit_wait(struct journal *j, struct batch *b, char *why, size_t why_size)
{
	enum err e;

	pthread_mutex_lock(&j->lock);
	e = begin(j, BUSY);
	pthread_mutex_unlock(&j->lock);
	if (e != ERR_OK) {
		snprintf(why, why_size,
			e == ERR_IO ? "an earlier commit failed" : "another commit is under way");
		return e;
	}
	e = commit(j, b, true, why, why_size);
	pthread_mutex_lock(&j->lock);
	j->state = e == ERR_OK ? IDLE : FAILED;
	pthread_mutex_unlock(&j->lock);
	return e;
}
