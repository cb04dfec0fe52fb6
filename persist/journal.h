/* journal.h — how a commit happens.
 *
 * journal_commit() takes a batch and returns at once; `done` is called when the batch is durable
 * and visible, or has failed. What is above may not assume that this is quick, or local: a
 * replicated log is a later implementation of the same interface.
 *
 * The local journal has a thread of its own. One commit is
 *   1. one synced LevelDB batch: the store's writes and, under one key, the directory's writes
 * (redo);
 *   2. if there are any of the latter, one synced LMDB transaction with them;
 *   3. done().
 * Step 1 is the point of no return. A crash between 1 and 2 is repaired by journal_open(), which
 * applies the last redo again before anybody reads.
 *
 * A batch that writes nothing is done without touching the disk.
 */
#ifndef GNATTER_PERSIST_JOURNAL_H
#define GNATTER_PERSIST_JOURNAL_H

#include "persist/batch.h"
#include "persist/directory.h"
#include "persist/store.h"

struct journal;

/* Called on the journal's thread: hand over to your own. The batch is yours again. why is NULL on
 * success, else one sentence. After a failure the journal accepts nothing more: what is on disk and
 * what is in memory may differ, and only opening again tells. */
typedef void journal_done_fn(void *ctx, struct batch *b, enum err result, const char *why);

/* Repairs as told above, then starts the thread. Store and directory (opened for writing) are
 * borrowed. */
enum err journal_open(struct journal **out, struct store *s, struct directory *d,
	journal_done_fn *done, void *ctx, char *why, size_t why_size);

/* Waits for the commit under way, then ends the thread. */
void journal_close(struct journal *j);

/* One at a time: ERR_CONFLICT while another is under way; ERR_IO after a failure. sync false only
 * for writes that may be lost without anybody noticing. The batch is borrowed until done(). */
enum err journal_commit(struct journal *j, struct batch *b, bool sync);

/* The same, waiting for the result, for programs without a loop. done() is not called. */
enum err journal_commit_wait(struct journal *j, struct batch *b, char *why, size_t why_size);

#endif
