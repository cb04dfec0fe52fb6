/* room.c — see room.h. */
#include "bridge/room.h"

enum err apply_with_room(
	struct engine *e, struct directory *d, const struct record *r, enum err refuse)
{
	size_t mark = batch_mark(e->batch);
	struct outbox_mark out = outbox_mark(e->out);
	enum err err = engine_apply(e, r, refuse);

	if (err != ERR_OK || batch_mark(e->batch) == mark || !batch_touches_directory(e->batch) ||
		directory_has_room(d, e->batch))
		return err;
	batch_rollback(e->batch, mark);
	outbox_rollback(e->out, out);
	return engine_apply(e, r, ERR_FULL);
}
