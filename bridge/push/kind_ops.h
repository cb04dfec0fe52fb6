/* kind_ops.h — what each kind of push does behind kind.h: one table row a kind.
 *
 * A kind's own struct is behind `self`, whatever it is. No call is made with self NULL but
 * create.
 */
#ifndef GNATTER_BRIDGE_PUSH_KIND_OPS_H
#define GNATTER_BRIDGE_PUSH_KIND_OPS_H

#include "bridge/push/kind.h"
#include "bridge/push/target.h"

/* A note on its way: what prepare is given. `view` is the note as it may be told. */
struct push_order {
	const struct push_note *view;
	const struct push_target *target;
	int64_t now_ms;
};

struct push_ops {
	/* *out stays NULL, with ERR_OK, if conf does not set the kind up. Else as
	 * push_kinds_create(). */
	enum err (*create)(void **out, const struct conf *conf, char *why, size_t why_size);
	void (*destroy)(void *self);

	/* As push_prepare(). *job is empty but for attempt.kind and attempt.set_ms. Memory that
	 * runs out in job's buffers is seen by the caller. */
	enum push_step (*prepare)(void *self, const struct push_order *o, struct push_job *job,
		struct push_result *result);
	void (*endpoint)(const struct push_target *t, struct buf *out);
	void (*classify)(void *self, const struct push_attempt *a,
		const struct http_response *response, int64_t now_ms, struct push_result *result);

	/* NULL: the kind asks nobody for tokens. */
	bool (*token_due)(const void *self, int64_t now_ms);
	enum err (*token_request)(void *self, int64_t now_ms, struct http_request *out);
	void (*token_response)(void *self, const struct http_response *response, int64_t now_ms,
		struct push_result *result);
};

extern const struct push_ops push_fcm, push_apns, push_webpush, push_webhook, push_mqtt;

/* Set *result and answer PUSH_END. */
__attribute__((format(printf, 3, 4))) enum push_step push_end(
	struct push_result *result, enum push_verdict verdict, const char *fmt, ...);

/* Write a sentence about an option into why, and answer e. */
__attribute__((format(printf, 4, 5))) enum err push_conf_wrong(
	char *why, size_t why_size, enum err e, const char *fmt, ...);

/* Check the URL that an option holds; base: something will be appended to it. */
enum err push_conf_url(const char *option, const char *url, char *why, size_t why_size);
enum err push_conf_base(const char *option, const char *url, char *why, size_t why_size);

/* The public key and bundle ids that kind.h tells. */
struct bytes push_webpush_key_of(const void *self);
struct bytes push_apns_topics_of(const void *self);

#endif
