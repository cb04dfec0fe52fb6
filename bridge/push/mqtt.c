/* mqtt.c — a message on push/<user>, for a gateway that is an MQTT client with the role service.
 *
 *   {"user":…,"device":…,"chat":…}     the rest as payload.h tells
 *
 * There is nothing to set up and nobody to answer.
 */
#include "bridge/push/kind_ops.h"
#include "bridge/push/payload.h"
#include "wire/json.h"

#define PAYLOAD_MAX 16384

static char one; /* what `self` points at: there is no state */

static enum err create(void **out, const struct conf *conf, char *why, size_t why_size)
{
	(void)conf;
	(void)why;
	(void)why_size;
	*out = &one;
	return ERR_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static void write_payload(struct buf *out, const struct push_note *view, const void *ctx)
{
	(void)ctx;
	buf_str(out, "{\"user\":");
	json_put_string(out, view->user.data, view->user.len);
	buf_str(out, ",\"device\":");
	json_put_string(out, view->device.data, view->device.len);
	buf_u8(out, ',');
	payload_put_members(out, view, PAYLOAD_JSON);
	buf_u8(out, '}');
}

static enum push_step prepare(
	void *self, const struct push_order *o, struct push_job *job, struct push_result *result)
{
	(void)self;
	if (!payload_fit(&job->payload, o->view, PAYLOAD_MAX, write_payload, NULL))
		return push_end(result, PUSH_DROP, "too large");
	buf_str(&job->topic, "push/");
	buf_put(&job->topic, o->view->user.data, o->view->user.len);
	return PUSH_PUBLISH;
}

static void endpoint(const struct push_target *t, struct buf *out)
{
	(void)t;
	buf_str(out, "mqtt");
}

static void classify(void *self, const struct push_attempt *a, const struct http_response *r,
	int64_t now_ms, struct push_result *result)
{
	(void)self;
	(void)a;
	(void)now_ms;
	if (!push_result_common(result, r))
		push_result_set(result, PUSH_DROP, "status %d", r->status);
}

const struct push_ops push_mqtt = {
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.endpoint = endpoint,
	.classify = classify,
};
