/* push_token.c — access tokens of providers, asked for before pushes of their kind can be sent. See
 * push_sender.h.
 */
#include "bridge/push_sender_internal.h"

static void on_token(void *ctx, const struct http_response *response)
{
	struct token_wait *t = ctx;
	struct push_sender *s = t->sender;
	struct push_result r;

	t->asking = false;
	t->answered = true;
	push_token_response(s->kinds, t->kind, response, clock_wall_ms(), &r);
	if (r.verdict == PUSH_ALERT)
		sender_alert(s, t->kind, r.reason);
	for (size_t i = 0; i < PUSH_LANES; i++)
		s->lanes[i].paused = 0; /* for the token, or the breaker says so again */
	push_sender_wake(s);
}

void sender_fetch_token(struct push_sender *s, enum push_kind_id kind)
{
	static const struct http_response unsent = {.error = "it could not be sent"};
	struct token_wait *t = &s->tokens[kind];

	if (t->asking || !push_token_due(s->kinds, kind, clock_wall_ms()))
		return;
	http_request_reset(&s->token);
	if (push_token_request(s->kinds, kind, clock_wall_ms(), &s->token) != ERR_OK)
		return;
	*t = (struct token_wait){.sender = s, .kind = kind, .asking = true};
	if (http_submit(s->http, &s->token, on_token, t) != ERR_OK)
		on_token(t, &unsent);
}
