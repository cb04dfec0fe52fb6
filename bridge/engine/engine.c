/* engine.c — which file of the engine a record is for. */
#include "bridge/engine/internal.h"

#include <assert.h>

void engine_init(struct engine *e, const struct conf *conf, struct batch *batch, struct outbox *out)
{
	*e = (struct engine){.conf = conf, .batch = batch, .out = out};
}

void engine_finish(struct engine *e)
{
	buf_free(&e->message);
	buf_free(&e->scratch);
	buf_free(&e->answer);
}

static enum err dispatch(struct engine *e, const struct record *r)
{
	switch (r->type) {
	case RECORD_SEND:
		return send_apply(e, r);
	case RECORD_ACK:
		return ack_apply(e, r);
	case RECORD_API:
		return api_apply(e, r);
	case RECORD_CONNECT:
	case RECORD_DISCONNECT:
	case RECORD_BROKER_START:
	case RECORD_PRESENCE:
		return presence_apply(e, r);
	case RECORD_TYPE_END:
		break;
	}
	return ERR_CORRUPT;
}

enum err engine_apply(struct engine *e, const struct record *r, enum err refuse)
{
	enum err err;

	e->out->number = r->number;
	e->refuse = refuse;
	if (batch_empty(e->batch) || (r->type != RECORD_SEND && r->type != RECORD_ACK))
		e->counted = false; /* another batch, or one of those that may change it */
	err = dispatch(e, r);
	if (err == ERR_OK && (outbox_failed(e->out) || batch_failed(e->batch)))
		err = ERR_NOMEM;
	return err;
}
