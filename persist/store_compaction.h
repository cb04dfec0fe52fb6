/* store_compaction.h — what part of the CPU LevelDB's compaction gets.
 *
 * LevelDB writes and merges its tables on one thread of its own. That thread is of the policy
 * SCHED_IDLE: it runs where nothing else wants to, and the kernel takes the core that it is on for
 * a free one, so that neither broker nor commits wait for it. But where all cores are busy with
 * something else it would never run, and in the end every write waits for it. So it is of that
 * policy only while somebody watches, which is when much is written; and of SCHED_BATCH and nice 5
 * while it starves or tables pile up, for two seconds at least.
 *
 * A process may only do that if it may leave SCHED_IDLE again (CAP_SYS_NICE, or an RLIMIT_NICE of
 * 15 or more: `LimitNICE=+5` of systemd). Where it may not, the thread keeps the policy it was
 * started with, at nice 5. sched(7).
 */
#ifndef GNATTER_PERSIST_STORE_COMPACTION_H
#define GNATTER_PERSIST_STORE_COMPACTION_H

#include <leveldb/c.h>

struct compaction;

/* On the thread that opens the store, before: the first one to need LevelDB's thread starts it, and
 * hands down its name and priority. So the caller must be a thread that ends soon. */
void compaction_prepare(void);

/* On the same thread, after: start LevelDB's thread and watch it. db is borrowed. NULL if this
 * process may not change priorities as said, or cannot: there is nothing to watch then. */
struct compaction *compaction_watch(leveldb_t *db);

/* So many bytes were written. On the one thread that writes. c may be NULL. */
void compaction_wrote(struct compaction *c, size_t bytes);

/* There may be something to compact: watch. Any thread. c may be NULL. */
void compaction_wake(struct compaction *c);

/* Before the database is closed, which waits for the compaction: that is of nice 5 then. NULL is
 * allowed. */
void compaction_end(struct compaction *c);

#endif
